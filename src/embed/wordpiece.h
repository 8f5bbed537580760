#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/embedder.h"
#include "embed/piece_trie.h"
#include "embed/word_scanner.h"

namespace millrace::embed {

/// BERT's uncased WordPiece, token for token what Hugging Face `tokenizers` makes of the model's tokenizer.json: words
/// are cut greedily into the longest pieces of the vocabulary, and a word that cannot be cut is one [UNK].
/// `[SEP]` and its kind written out in the text are those tokens, as in the reference. Immutable, so thread-safe.
class WordPiece final : public core::Tokenizer {
 public:
  /// `vocab_text`: the model's vocab.txt, one piece a line, the line number from 0 is the id. kInvalidArgument names
  /// the line when it is not UTF-8, empty, double, or holds a mark that NFD reorders (reordering is left out, which
  /// shows only with such a piece); also when [UNK], [CLS], [SEP] or [PAD] is missing.
  static base::Result<std::unique_ptr<WordPiece>> Create(std::string vocab_text);

  /// Beyond 4 GiB the text is not looked at.
  std::vector<core::Token> Tokenize(std::string_view text, std::size_t max_tokens) const override;
  std::size_t CountTokens(std::string_view text, std::size_t stop_at) const override;

  std::int32_t unk_id() const { return unk_id_; }
  std::int32_t cls_id() const { return cls_id_; }
  std::int32_t sep_id() const { return sep_id_; }
  std::int32_t pad_id() const { return pad_id_; }
  std::size_t vocabulary_size() const { return vocabulary_size_; }

 private:
  using Pieces = std::array<core::Token, Word::kMaxCodePoints>;

  WordPiece() = default;
  base::Status Add(std::string_view piece);
  std::size_t Cut(const Word& word, Pieces& pieces) const;

  PieceTrie trie_;
  std::vector<SpecialToken> specials_;
  std::size_t vocabulary_size_ = 0;
  std::int32_t unk_id_ = -1, cls_id_ = -1, sep_id_ = -1, pad_id_ = -1;
};

}  // namespace millrace::embed
