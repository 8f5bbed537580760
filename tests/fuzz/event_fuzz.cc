#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/document_event.h"

// What is read can be written, and the text of that is stable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto event = millrace::core::ParseEvent({reinterpret_cast<const char*>(data), size});
  if (!event) return 0;
  const std::string text = FormatEvent(*event);
  const auto again = millrace::core::ParseEvent(text);
  if (!again || FormatEvent(*again) != text) std::abort();
  return 0;
}
