#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "core/chunker.h"

namespace millrace::core {

/// A token is a word, cut every `kWordBytes`; what is not ASCII letters or digits is a token by itself.
class FakeTokenizer : public Tokenizer {
 public:
  static constexpr std::size_t kWordBytes = 12;

  std::vector<Token> Tokenize(std::string_view text, std::size_t max_tokens) const override {
    std::vector<Token> tokens;
    Walk(text, max_tokens, [&](std::size_t begin, std::size_t end) {
      tokens.push_back({1, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
    });
    return tokens;
  }

  std::size_t CountTokens(std::string_view text, std::size_t stop_at) const override {
    std::size_t count = 0;
    Walk(text, stop_at, [&](std::size_t, std::size_t) { ++count; });
    return count;
  }

 private:
  static bool IsWordByte(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

  template <typename Take>
  static void Walk(std::string_view text, std::size_t max_tokens, Take take) {
    std::size_t pos = 0;
    for (std::size_t count = 0; count < max_tokens && pos < text.size();) {
      const std::size_t begin = pos;
      while (pos < text.size() && pos - begin < kWordBytes && IsWordByte(text[pos])) ++pos;
      if (pos == begin) {
        const base::CodePoint point = base::DecodeCodePoint(text, pos);
        pos += point.size;
        if (base::IsWhiteSpace(point.value)) continue;
      }
      take(begin, pos);
      ++count;
    }
  }
};

struct Chunked {
  std::vector<ChunkDraft> chunks;
  std::optional<std::string> warning;

  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const ChunkDraft& chunk : chunks) all.push_back(chunk.text);
    return all;
  }
};

/// Feeds `content` in parts of about `part_bytes`.
inline Chunked Chunk(const Chunking& chunking, std::string_view content, std::size_t part_bytes = SIZE_MAX) {
  const FakeTokenizer tokenizer;
  Chunker chunker(chunking, tokenizer);
  Chunked result;
  do {
    std::size_t size = base::FloorToCodePoint(content, std::min(part_bytes, content.size()));
    if (size == 0 && !content.empty()) size = base::DecodeCodePoint(content, 0).size;
    const std::string_view part = content.substr(0, size);
    content.remove_prefix(size);
    for (ChunkDraft& chunk : chunker.Feed(part, content.empty())) result.chunks.push_back(std::move(chunk));
  } while (!content.empty());
  result.warning = chunker.warning();
  return result;
}

inline std::vector<std::string> Sentences(std::string_view content) {
  return Chunk({ChunkStrategy::kSentence, 200, 0}, content).texts();
}

inline std::vector<std::string> Passages(std::string_view content, int max_tokens = 200, int overlap_tokens = 0) {
  return Chunk({ChunkStrategy::kPassage, max_tokens, overlap_tokens}, content).texts();
}

}  // namespace millrace::core
