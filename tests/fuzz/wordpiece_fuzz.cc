// Any bytes as vocabulary (up to the first NUL) and as text (the rest): tokens stay in order, in bounds and on borders.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "embed/wordpiece.h"

using millrace::embed::WordPiece;

namespace {

constexpr std::string_view kSpecials = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
constexpr std::string_view kLetters = "a\ne\n##a\n##e\nthe\n##er\n[\n.\n\u4E2D\n\u1112\n##\u1161\n\u03C3\n";

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckTokens(const WordPiece& tokenizer, std::string_view text) {
  const auto tokens = tokenizer.Tokenize(text, text.size() * 3);
  std::uint32_t begin = 0, end = 0;
  for (const auto& token : tokens) {
    Require(token.id >= 0 && static_cast<std::size_t>(token.id) < tokenizer.vocabulary_size());
    Require(token.begin >= begin && token.end >= end && token.begin < token.end && token.end <= text.size());
    Require((static_cast<unsigned char>(text[token.begin]) & 0xC0) != 0x80);
    begin = token.begin;
    end = token.end;
  }
  const std::size_t half = tokens.size() / 2;
  Require(tokenizer.CountTokens(text, text.size() * 3) == tokens.size());
  Require(tokenizer.CountTokens(text, half) == half);
  const auto first_half = tokenizer.Tokenize(text, half);
  Require(first_half.size() == half);
  for (std::size_t i = 0; i < half; ++i)
    Require(first_half[i].id == tokens[i].id && first_half[i].end == tokens[i].end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto fixed = WordPiece::Create(std::string(kSpecials) + std::string(kLetters));
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  CheckTokens(**fixed, input);
  const std::size_t border = std::min(input.find('\0'), input.size());
  const auto own = WordPiece::Create(std::string(kSpecials) + std::string(input.substr(0, border)));
  if (own) CheckTokens(**own, input.substr(border));
  return 0;
}
