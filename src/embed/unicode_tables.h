#pragma once

#include <cstddef>
#include <cstdint>

namespace millrace::embed {

/// What the reference normaliser (BertNormalizer: clean, space out CJK, NFD, drop accents, lower-case) and
/// pre-tokenizer do to each code point. Frozen: they are those of the library the model was trained with, not of a
/// Unicode version.
enum UnicodeEntry : std::uint16_t {
  kAsIs,            // part of a word
  kDropped,         // controls, accents, U+FFFD
  kSpace,           // between words
  kIsolatedAsIs,    // a word of its own: punctuation, CJK ideographs
  kMarkAsIs,        // part of a word, but NFD may move it past its neighbours
  kHangulSyllable,  // becomes two or three jamo, by arithmetic
  kFirstMapping,    // this and above: becomes kUnicodeMappings[entry - kFirstMapping] and on, to kMappingLast
};

inline constexpr std::uint32_t kMappingCodePoint = 0x1FFFFF;
inline constexpr std::uint32_t kMappingLast = 1u << 30;
inline constexpr std::uint32_t kMappingIsolated = 1u << 31;

inline constexpr std::size_t kUnicodeBlockSize = 128;
inline constexpr std::size_t kUnicodeBlockCount = 0x110000 / kUnicodeBlockSize;
extern const std::uint8_t kUnicodeBlocks[kUnicodeBlockCount];
extern const std::uint16_t kUnicodeEntries[];
extern const std::uint32_t kUnicodeMappings[];

// REQUIRES: code_point < 0x110000
inline std::uint16_t LookUpUnicode(char32_t code_point) {
  return kUnicodeEntries[kUnicodeBlocks[code_point / kUnicodeBlockSize] * kUnicodeBlockSize +
                         code_point % kUnicodeBlockSize];
}

}  // namespace millrace::embed
