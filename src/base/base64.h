#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::base {

/// RFC 4648, with padding.
std::string EncodeBase64(std::string_view bytes);

/// Nothing for text that EncodeBase64 would not have written.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace millrace::base
