#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/metadata.h"

// What is read can be written, and reads back as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto metadata = millrace::core::ParseMetadata({reinterpret_cast<const char*>(data), size});
  if (!metadata) return 0;
  const std::string text = millrace::core::FormatMetadata(*metadata);
  if (text.size() > millrace::core::kMaxMetadataBytes) return 0;
  const auto again = millrace::core::ParseMetadata(text);
  if (!again || *again != *metadata) std::abort();
  return 0;
}
