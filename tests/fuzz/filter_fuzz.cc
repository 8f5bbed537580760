#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/filter.h"

// A filter that is accepted can be asked, and its negation says the opposite.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::core::Filter;
  static const auto metadata = millrace::core::ParseMetadata(R"({"a":1,"b":1.5,"c":["x",true,-2],"d":"y"})");
  const auto filter = millrace::core::ParseFilter({reinterpret_cast<const char*>(data), size});
  if (!filter) return 0;
  Filter negation;
  negation.kind = Filter::Kind::kNot;
  negation.children.push_back(*filter);
  if (Matches(*filter, 7, "Title", "key", *metadata) == Matches(negation, 7, "Title", "key", *metadata)) std::abort();
  return 0;
}
