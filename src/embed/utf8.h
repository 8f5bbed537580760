#pragma once

#include <cstddef>
#include <string_view>

namespace millrace::embed {

struct DecodedCodePoint {
  char32_t value = 0xFFFD;
  std::size_t length = 1;  // bytes
  bool valid = false;
};

/// The code point that `text` starts with. A byte that starts none (overlong, surrogate, cut off) is U+FFFD, not valid,
/// one byte long. REQUIRES: text is not empty
inline DecodedCodePoint DecodeUtf8(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1, true};
  const std::size_t length = byte(0) < 0xC2 ? 0 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : byte(0) < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size()) return {};
  char32_t value = byte(0) & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3Fu);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value < 0xE000;
  if (value < kLeast[length] || value > 0x10FFFF || surrogate) return {};
  return {value, length, true};
}

}  // namespace millrace::embed
