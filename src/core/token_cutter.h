#pragma once

#include <cstddef>
#include <string_view>

#include "core/embedder.h"
#include "core/text_breaks.h"

namespace millrace::core {

/// Cuts text so that it fits the model. One thread at a time.
class TokenCutter {
 public:
  static constexpr std::size_t kModelTokens = 254;    // the model's 256 without [CLS] and [SEP]
  static constexpr std::size_t kMaxBytes = 8 * 1024;  // of a chunk: an endless word may be one token

  TokenCutter(const Tokenizer& tokenizer, TextBreaks& breaks) : tokenizer_(tokenizer), breaks_(breaks) {}

  /// Stops counting at `stop_at`.
  std::size_t Count(std::string_view text, std::size_t stop_at) const { return tokenizer_.CountTokens(text, stop_at); }

  /// The bytes of the longest beginning of `text` that has at most `max_tokens` tokens and kMaxBytes and ends at a
  /// border; text.size() when all of it fits; at least one code point. REQUIRES: max_tokens > 0
  std::size_t Fit(std::string_view text, std::size_t max_tokens);

 private:
  const Tokenizer& tokenizer_;
  TextBreaks& breaks_;
};

}  // namespace millrace::core
