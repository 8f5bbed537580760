#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace millrace::embed {

/// A token that the text may spell out, such as `[SEP]`. It is matched in the raw text, before anything else.
struct SpecialToken {
  std::string text;  // starts with '['
  std::int32_t id = 0;
};

/// One unit that WordPiece cuts: a run of letters, one punctuation mark or ideograph, or a special token.
struct Word {
  static constexpr std::size_t kMaxCodePoints = 100;  // longer words are unknown; only their extent is kept
  static constexpr std::size_t kMaxBytes = kMaxCodePoints * 4;

  struct Span {
    std::uint32_t begin, end;  // bytes of the source text
  };

  std::int32_t special_id = -1;         // -1: an ordinary word
  std::size_t code_points = 0;          // may exceed kMaxCodePoints
  std::size_t size = 0;                 // bytes
  Span extent{};                        // from the first to the last source byte that left something in the word
  std::array<char, kMaxBytes> bytes;    // normalised UTF-8
  std::array<Span, kMaxBytes> sources;  // of each byte: the source code point it came from

  bool empty() const { return code_points == 0; }
  std::string_view text() const { return {bytes.data(), size}; }
};

/// Normalises UTF-8 text and splits it into words as BertNormalizer and BertPreTokenizer do (see unicode_tables.h).
/// Bytes that are not UTF-8 are dropped, as U+FFFD is. Marks stay in the order of the text, see WordPiece::Create.
class WordScanner {
 public:
  /// Both must outlive the scanner. REQUIRES: text is smaller than 4 GiB
  WordScanner(std::string_view text, std::span<const SpecialToken> specials) : text_(text), specials_(specials) {}

  /// False at the end of the text.
  bool Next(Word& word);

 private:
  bool TakeSpecial(Word& word);
  bool TakeNonAscii(Word& word);

  std::string_view text_;
  std::span<const SpecialToken> specials_;
  std::size_t at_ = 0;
};

}  // namespace millrace::embed
