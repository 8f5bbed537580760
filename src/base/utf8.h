#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millrace::base {

struct CodePoint {
  char32_t value = 0;     // U+FFFD when not valid
  std::uint8_t size = 1;  // bytes; 1 when not valid
  bool valid = true;
};

/// The code point that begins at `pos`, by Unicode 15 table 3-7: no surrogates, no overlong forms, nothing above
/// U+10FFFF. REQUIRES: pos < text.size()
CodePoint DecodeCodePoint(std::string_view text, std::size_t pos);

bool IsValidUtf8(std::string_view text);

/// How many code points begin in `text`; it need not be valid.
std::int64_t CountCodePoints(std::string_view text);

/// The largest code point border at or before `pos`; `pos` itself where the bytes before it are no UTF-8.
std::size_t FloorToCodePoint(std::string_view text, std::size_t pos);

/// The first `count` code points of `text`, all of it when it has fewer.
std::string_view FirstCodePoints(std::string_view text, std::size_t count);

/// Unicode's White_Space property.
bool IsWhiteSpace(char32_t value);

/// `text` without white space at its beginning or end; empty when it is blank.
std::string_view TrimWhiteSpace(std::string_view text);

/// With the ASCII letters in lower case, whatever the locale; all else as it is.
std::string LowerAscii(std::string_view text);

}  // namespace millrace::base
