#include "base/utf8.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace millrace::base {
namespace {

constexpr std::uint64_t kHighBits = 0x8080808080808080;
constexpr std::uint64_t kLowBits = 0x0101010101010101;

std::uint64_t LoadEight(const char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

unsigned char ByteAt(std::string_view text, std::size_t pos) { return static_cast<unsigned char>(text[pos]); }

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

struct Sequence {
  std::uint8_t size;             // 0: no sequence begins with this byte
  unsigned char second_lowest;   // what shuts out overlong forms
  unsigned char second_highest;  // what shuts out surrogates and values above U+10FFFF
};

Sequence SequenceOf(unsigned char lead) {
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

CodePoint DecodeCodePoint(std::string_view text, std::size_t pos) {
  const unsigned char lead = ByteAt(text, pos);
  if (lead < 0x80) return {lead, 1, true};
  const CodePoint invalid{0xFFFD, 1, false};
  const Sequence sequence = SequenceOf(lead);
  if (sequence.size == 0 || text.size() - pos < sequence.size) return invalid;
  const unsigned char second = ByteAt(text, pos + 1);
  if (second < sequence.second_lowest || second > sequence.second_highest) return invalid;
  char32_t value = lead & (0x7Fu >> sequence.size);
  for (std::size_t i = 1; i < sequence.size; ++i) {
    const unsigned char byte = ByteAt(text, pos + i);
    if (!IsContinuation(byte)) return invalid;
    value = (value << 6) | (byte & 0x3Fu);
  }
  return {value, sequence.size, true};
}

bool IsValidUtf8(std::string_view text) {
  std::size_t pos = 0;
  while (pos < text.size()) {
    if (text.size() - pos >= 8 && (LoadEight(text.data() + pos) & kHighBits) == 0) {
      pos += 8;
      continue;
    }
    const CodePoint point = DecodeCodePoint(text, pos);
    if (!point.valid) return false;
    pos += point.size;
  }
  return true;
}

std::int64_t CountCodePoints(std::string_view text) {
  std::size_t pos = 0;
  std::int64_t continuations = 0;
  for (; text.size() - pos >= 8; pos += 8) {
    const std::uint64_t word = LoadEight(text.data() + pos);
    continuations += std::popcount((word >> 7) & ~(word >> 6) & kLowBits);  // bit 7 set, bit 6 clear
  }
  for (; pos < text.size(); ++pos) continuations += IsContinuation(ByteAt(text, pos)) ? 1 : 0;
  return static_cast<std::int64_t>(text.size()) - continuations;
}

std::size_t FloorToCodePoint(std::string_view text, std::size_t pos) {
  if (pos >= text.size()) return text.size();
  const std::size_t lowest = pos - std::min<std::size_t>(pos, 3);
  for (std::size_t border = pos;; --border) {
    if (!IsContinuation(ByteAt(text, border))) return border;
    if (border == lowest) return pos;
  }
}

std::string_view FirstCodePoints(std::string_view text, std::size_t count) {
  std::size_t end = 0;
  for (; count > 0 && end < text.size(); --count) end += DecodeCodePoint(text, end).size;
  return text.substr(0, end);
}

bool IsWhiteSpace(char32_t value) {
  if (value < 0x80) return value == ' ' || (value >= '\t' && value <= '\r');
  return value == 0x85 || value == 0xA0 || value == 0x1680 || (value >= 0x2000 && value <= 0x200A) || value == 0x2028 ||
         value == 0x2029 || value == 0x202F || value == 0x205F || value == 0x3000;
}

std::string_view TrimWhiteSpace(std::string_view text) {
  while (!text.empty()) {
    const CodePoint first = DecodeCodePoint(text, 0);
    if (!IsWhiteSpace(first.value)) break;
    text.remove_prefix(first.size);
  }
  while (!text.empty()) {
    const std::size_t last = FloorToCodePoint(text, text.size() - 1);
    if (!IsWhiteSpace(DecodeCodePoint(text, last).value)) break;
    text.remove_suffix(text.size() - last);
  }
  return text;
}

std::string LowerAscii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace millrace::base
