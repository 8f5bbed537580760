#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::core {

struct Token {
  std::int32_t id = 0;
  std::uint32_t begin = 0, end = 0;  // bytes of the text it came from, end exclusive
};

/// Cuts text into model tokens, without the model's own [CLS] and [SEP]. Thread-safe, never fails: any bytes are
/// accepted.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Stops after `max_tokens` tokens; how many bytes were looked at tells whether something was left.
  virtual std::vector<Token> Tokenize(std::string_view text, std::size_t max_tokens) const = 0;

  /// As Tokenize(text, …).size(), without the list.
  virtual std::size_t CountTokens(std::string_view text, std::size_t stop_at) const = 0;
};

/// The neural model: token ids in ([CLS] and [SEP] included), unit vectors out. Thread-safe: one call per core at a
/// time is best.
class Encoder {
 public:
  virtual ~Encoder() = default;

  virtual std::size_t dimensions() const = 0;
  virtual std::size_t max_tokens() const = 0;   // [CLS] and [SEP] included
  virtual std::string description() const = 0;  // `all-MiniLM-L6-v2 float32 384`: recorded with the vectors

  /// Each sequence's mean-pooled, L2-normalised vector, in order: batch.size() × dimensions() floats.
  virtual base::Result<std::vector<float>> Encode(std::span<const std::vector<std::int32_t>> batch) = 0;
};

/// Text to vectors; what search and ingestion see. Thread-safe, bounded: kOverloaded when its queue is full.
class Embedder {
 public:
  enum class Priority { kQuery, kIngest };  // queries overtake

  virtual ~Embedder() = default;

  virtual std::size_t dimensions() const = 0;
  virtual std::size_t max_tokens() const = 0;  // beyond which text is cut
  virtual const Tokenizer& tokenizer() const = 0;

  /// texts.size() × dimensions() floats. A text that has been waiting when the deadline passes is dropped:
  /// kDeadlineExceeded.
  virtual base::Result<std::vector<float>> Embed(std::span<const std::string_view> texts, Priority priority,
                                                 base::Deadline deadline) = 0;
};

}  // namespace millrace::core
