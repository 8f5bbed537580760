#include "core/token_cutter.h"

#include <algorithm>

#include "base/utf8.h"

namespace millrace::core {

std::size_t TokenCutter::Fit(std::string_view text, std::size_t max_tokens) {
  if (text.size() <= max_tokens) return text.size();  // a token comes from one byte at least
  std::size_t end = std::min(text.size(), kMaxBytes);
  const auto tokens = tokenizer_.Tokenize(text.substr(0, end), max_tokens + 1);
  if (tokens.size() > max_tokens) {
    end = std::min<std::size_t>(end, tokens[max_tokens].begin);
  } else if (end == text.size()) {
    return end;
  }
  const std::size_t smallest = base::DecodeCodePoint(text, 0).size;
  while ((end = base::FloorToCodePoint(text, end)) > smallest) {
    end = breaks_.LastBorder(text, end);
    // Half a word may have more tokens than it had as a part of the whole.
    if (tokenizer_.CountTokens(text.substr(0, end), max_tokens + 1) <= max_tokens) return end;
    end = end / 4 * 3;
  }
  return smallest;
}

}  // namespace millrace::core
