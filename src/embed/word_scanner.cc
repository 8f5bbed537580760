#include "embed/word_scanner.h"

#include <algorithm>

#include "base/utf8.h"
#include "embed/unicode_tables.h"

namespace millrace::embed {
namespace {

/// For each ASCII byte: kDropped, kSpace, kIsolatedAsIs, or the lower-case letter or digit itself.
constexpr std::array<char, 128> kAscii = [] {
  std::array<char, 128> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const char byte = static_cast<char>(c);
    if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
      table[c] = kSpace;
    } else if (byte < ' ' || byte == 0x7F) {
      table[c] = kDropped;
    } else if (byte >= 'A' && byte <= 'Z') {
      table[c] = static_cast<char>(byte - 'A' + 'a');
    } else if ((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9')) {
      table[c] = byte;
    } else {
      table[c] = kIsolatedAsIs;
    }
  }
  return table;
}();

struct Encoded {
  std::array<char, 4> bytes{};
  std::size_t length = 0;

  std::string_view view() const { return {bytes.data(), length}; }
};

Encoded Encode(char32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return {{static_cast<char>(c)}, 1};
  if (c < 0x800) return {{static_cast<char>(0xC0 | c >> 6), tail(0)}, 2};
  if (c < 0x10000) return {{static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)}, 3};
  return {{static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)}, 4};
}

/// Adds one code point to the word. Beyond the limit only the extent grows.
void Append(Word& word, std::string_view code_point, Word::Span source) {
  if (word.empty()) word.extent.begin = source.begin;
  word.extent.end = source.end;
  if (++word.code_points > Word::kMaxCodePoints) return;
  for (const char byte : code_point) {
    word.bytes[word.size] = byte;
    word.sources[word.size++] = source;
  }
}

/// The canonical decomposition (Unicode standard, 3.12).
void AppendHangul(Word& word, char32_t syllable, Word::Span source) {
  const char32_t index = syllable - 0xAC00;
  Append(word, Encode(0x1100 + index / 588).view(), source);
  Append(word, Encode(0x1161 + index % 588 / 28).view(), source);
  if (index % 28 != 0) Append(word, Encode(0x11A7 + index % 28).view(), source);
}

void AppendMapping(Word& word, const std::uint32_t* mapping, Word::Span source) {
  for (;; ++mapping) {
    Append(word, Encode(*mapping & kMappingCodePoint).view(), source);
    if ((*mapping & kMappingLast) != 0) return;
  }
}

}  // namespace

bool WordScanner::Next(Word& word) {
  word.special_id = -1;
  word.code_points = 0;
  word.size = 0;
  while (at_ < text_.size()) {
    const auto byte = static_cast<unsigned char>(text_[at_]);
    if (byte >= kAscii.size()) {
      if (TakeNonAscii(word)) return true;
      continue;
    }
    const char action = kAscii[byte];
    const Word::Span source{static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + 1)};
    switch (action) {
      case kDropped: break;
      case kSpace:
        if (!word.empty()) return true;
        break;
      case kIsolatedAsIs:
        if (!word.empty()) return true;  // the mark is left for the next call
        if (byte == '[' && TakeSpecial(word)) return true;
        Append(word, text_.substr(at_, 1), source);
        ++at_;
        return true;
      default: Append(word, {&action, 1}, source);
    }
    ++at_;
  }
  return !word.empty();
}

bool WordScanner::TakeSpecial(Word& word) {
  const std::string_view rest = text_.substr(at_);
  const auto special =
      std::ranges::find_if(specials_, [rest](const auto& token) { return rest.starts_with(token.text); });
  if (special == specials_.end()) return false;
  word.special_id = special->id;
  word.extent = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + special->text.size())};
  at_ += special->text.size();
  return true;
}

/// True when the word is complete. What ends a word but is not part of it is left for the next call.
bool WordScanner::TakeNonAscii(Word& word) {
  const base::CodePoint decoded = base::DecodeCodePoint(text_, at_);
  const std::uint16_t entry = LookUpUnicode(decoded.value);
  const std::uint32_t* const mapping = entry < kFirstMapping ? nullptr : &kUnicodeMappings[entry - kFirstMapping];
  const bool isolated = entry == kIsolatedAsIs || (mapping != nullptr && (*mapping & kMappingIsolated) != 0);
  if (!word.empty() && (isolated || entry == kSpace)) return true;

  const Word::Span source{static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(at_ + decoded.size)};
  if (mapping != nullptr) {
    AppendMapping(word, mapping, source);
  } else if (entry == kHangulSyllable) {
    AppendHangul(word, decoded.value, source);
  } else if (entry != kDropped && entry != kSpace) {
    Append(word, text_.substr(at_, decoded.size), source);
  }
  at_ += decoded.size;
  return isolated;
}

}  // namespace millrace::embed
