#include "cli/utf8.h"

#include <cstdint>

namespace millrace::cli {

std::optional<char32_t> NextCodePoint(std::string_view text, size_t* position) {
  const size_t begin = (*position)++;
  const auto first = static_cast<uint8_t>(text[begin]);
  if (first < 0x80) return first;
  if (first < 0xC2 || first > 0xF4) return std::nullopt;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() - begin < length) return std::nullopt;
  char32_t code = first & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<uint8_t>(text[begin + i]);
    if ((next & 0xC0) != 0x80) return std::nullopt;
    code = (code << 6) | (next & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return std::nullopt;
  *position = begin + length;
  return code;
}

bool IsUtf8(std::string_view text) {
  for (size_t position = 0; position < text.size();) {
    if (!NextCodePoint(text, &position)) return false;
  }
  return true;
}

std::string_view FirstCodePoints(std::string_view text, size_t count) {
  size_t position = 0;
  while (count-- > 0 && position < text.size()) NextCodePoint(text, &position);
  return text.substr(0, position);
}

}  // namespace millrace::cli
