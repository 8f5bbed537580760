#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "core/embedder.h"

namespace millrace::embed {

/// One token a letter: `abc` is 97 98 99. Makes the length of a text plain to see.
class LetterTokenizer final : public core::Tokenizer {
 public:
  std::vector<core::Token> Tokenize(std::string_view text, std::size_t max_tokens) const override {
    std::vector<core::Token> tokens;
    for (std::uint32_t i = 0; i < text.size() && i < max_tokens; ++i) tokens.push_back({text[i], i, i + 1});
    return tokens;
  }
  std::size_t CountTokens(std::string_view text, std::size_t stop_at) const override {
    return std::min(text.size(), stop_at);
  }
};

/// Records the batches, and lets none through while closed. A vector is {first letter, length}.
class GatedEncoder final : public core::Encoder {
 public:
  using Batch = std::vector<std::vector<std::int32_t>>;

  std::size_t dimensions() const override { return 2; }
  std::size_t max_tokens() const override { return 256; }
  std::string description() const override { return "gated"; }

  base::Result<std::vector<float>> Encode(std::span<const std::vector<std::int32_t>> batch) override {
    std::unique_lock lock(mutex_);
    batches_.emplace_back(batch.begin(), batch.end());
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || passes_ > 0; });
    if (!open_) --passes_;
    std::vector<float> vectors;
    for (const auto& ids : batch) {
      if (ids[1] == '!') return {base::Code::kInvalidArgument, "a text that cannot be embedded"};
      vectors.push_back(static_cast<float>(ids[1]));
      vectors.push_back(static_cast<float>(ids.size()));
    }
    return vectors;
  }

  void Close() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void LetOneThrough() {
    std::lock_guard lock(mutex_);
    ++passes_;
    changed_.notify_all();
  }

  /// Waits until `count` batches have begun; all of them so far.
  std::vector<Batch> AwaitBatches(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(20), [&] { return batches_.size() >= count; });
    return batches_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int passes_ = 0;
  std::vector<Batch> batches_;
};

}  // namespace millrace::embed
