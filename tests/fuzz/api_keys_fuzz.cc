// Any bytes as an API key file: whatever is read finds at least one key, and only keys that stand in the file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/api_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using millrace::http::ApiKeys;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = ApiKeys::Parse(text);
  if (!keys) {
    if (keys.error().message.empty()) std::abort();
    return 0;
  }
  if (keys->size() == 0 || keys->Find("") || keys->Find("a key with spaces")) std::abort();
  const std::string_view first = text.substr(0, text.find_first_of(" \t\r\n"));
  if (!first.empty() && first.front() != '#' && !keys->Find(first)) std::abort();
  return 0;
}
