#include "embed/wordpiece.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "base/utf8.h"
#include "embed/unicode_tables.h"

namespace millrace::embed {
namespace {

constexpr std::string_view kContinuationPrefix = "##";
constexpr std::string_view kSpecialTexts[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

/// What is wrong with a line of the vocabulary, if anything.
std::optional<std::string> Complaint(std::string_view piece) {
  if (piece.empty()) return "is empty";
  for (std::size_t i = 0; i < piece.size();) {
    const base::CodePoint decoded = base::DecodeCodePoint(piece, i);
    if (!decoded.valid) return "is not UTF-8";
    if (LookUpUnicode(decoded.value) == kMarkAsIs) {
      return fmt::format("holds the combining mark U+{:04X}, whose place in a word is not fixed",
                         static_cast<std::uint32_t>(decoded.value));
    }
    i += decoded.size;
  }
  return std::nullopt;
}

std::string_view UpTo4GiB(std::string_view text) { return text.substr(0, std::numeric_limits<std::uint32_t>::max()); }

}  // namespace

base::Result<std::unique_ptr<WordPiece>> WordPiece::Create(std::string vocab_text) {
  if (vocab_text.size() > PieceTrie::kMaxBytes) {
    return {base::Code::kInvalidArgument, fmt::format("the vocabulary has {} bytes, at most {} are allowed",
                                                      vocab_text.size(), PieceTrie::kMaxBytes)};
  }
  std::unique_ptr<WordPiece> tokenizer(new WordPiece);
  for (std::string_view rest = vocab_text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    RETURN_IF_ERROR(tokenizer->Add(line));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto id_of = [&tokenizer](std::string_view text) {
    const auto special = std::ranges::find(tokenizer->specials_, text, &SpecialToken::text);
    return special == tokenizer->specials_.end() ? -1 : special->id;
  };
  for (const auto& [text, id] : {std::pair{"[UNK]", &tokenizer->unk_id_},
                                 {"[CLS]", &tokenizer->cls_id_},
                                 {"[SEP]", &tokenizer->sep_id_},
                                 {"[PAD]", &tokenizer->pad_id_}}) {
    *id = id_of(text);
    if (*id < 0) return {base::Code::kInvalidArgument, fmt::format("the vocabulary has no line {}", text)};
  }
  return tokenizer;
}

/// The next line of the vocabulary.
base::Status WordPiece::Add(std::string_view piece) {
  const auto refused = [this](std::string_view why) {
    return base::Error{
        base::Code::kInvalidArgument, fmt::format("line {} of the vocabulary {}", vocabulary_size_ + 1, why), {}};
  };
  if (const auto complaint = Complaint(piece)) return refused(*complaint);
  const auto id = static_cast<std::int32_t>(vocabulary_size_);
  const bool continues = piece.starts_with(kContinuationPrefix) && piece.size() > kContinuationPrefix.size();
  const bool added = continues ? trie_.Insert(PieceTrie::kContinuation, piece.substr(kContinuationPrefix.size()), id)
                               : trie_.Insert(PieceTrie::kWordStart, piece, id);
  if (!added) return refused(fmt::format("repeats the piece {}", piece));
  if (std::ranges::find(kSpecialTexts, piece) != std::end(kSpecialTexts)) specials_.push_back({std::string(piece), id});
  ++vocabulary_size_;
  return {};
}

std::vector<core::Token> WordPiece::Tokenize(std::string_view text, std::size_t max_tokens) const {
  std::vector<core::Token> tokens;
  WordScanner scanner(UpTo4GiB(text), specials_);
  Word word;
  Pieces pieces;
  while (tokens.size() < max_tokens && scanner.Next(word)) {
    const std::size_t taken = std::min(Cut(word, pieces), max_tokens - tokens.size());
    tokens.insert(tokens.end(), pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return tokens;
}

std::size_t WordPiece::CountTokens(std::string_view text, std::size_t stop_at) const {
  std::size_t count = 0;
  WordScanner scanner(UpTo4GiB(text), specials_);
  Word word;
  Pieces pieces;
  while (count < stop_at && scanner.Next(word)) count += Cut(word, pieces);
  return std::min(count, stop_at);
}

/// Writes the word's tokens and says how many. Each takes at least one code point, so `pieces` has room.
std::size_t WordPiece::Cut(const Word& word, Pieces& pieces) const {
  const auto whole = [&](std::int32_t id) {
    pieces[0] = {id, word.extent.begin, word.extent.end};
    return std::size_t{1};
  };
  if (word.special_id >= 0) return whole(word.special_id);
  if (word.code_points > Word::kMaxCodePoints) return whole(unk_id_);
  std::size_t count = 0;
  PieceTrie::Root root = PieceTrie::kWordStart;
  for (std::size_t at = 0; at < word.size; root = PieceTrie::kContinuation) {
    const PieceTrie::Match match = trie_.Longest(root, word.text().substr(at));
    if (match.id < 0) return whole(unk_id_);
    const std::size_t end = at + match.length;
    pieces[count++] = {match.id, word.sources[at].begin, word.sources[end - 1].end};
    at = end;
  }
  return count;
}

}  // namespace millrace::embed
