#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace millrace::cli {

/// The code point at `*position`, which moves behind it; nothing (and one byte further) when the bytes there are not
/// well-formed UTF-8. REQUIRES: *position < text.size()
std::optional<char32_t> NextCodePoint(std::string_view text, size_t* position);

bool IsUtf8(std::string_view text);

/// The longest prefix of at most `count` code points.
std::string_view FirstCodePoints(std::string_view text, size_t count);

}  // namespace millrace::cli
