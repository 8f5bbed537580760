#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::embed {

/// One call of Embed(): shared by the caller who waits and the workers that fill in its vectors. Thread-safe.
class EmbedRequest {
 public:
  EmbedRequest(std::size_t texts, std::size_t dimensions, base::Deadline deadline)
      : deadline_(deadline), dimensions_(dimensions), missing_(texts), vectors_(texts * dimensions) {}

  /// Whether anybody still wants the result.
  bool wanted() {
    std::lock_guard lock(mutex_);
    return !error_ && !deadline_.expired();
  }

  void Deliver(std::size_t index, std::span<const float> vector) {
    std::lock_guard lock(mutex_);
    std::copy(vector.begin(), vector.end(), vectors_.begin() + static_cast<std::ptrdiff_t>(index * dimensions_));
    if (--missing_ == 0) done_.notify_one();
  }

  /// The first error is the request's.
  void Fail(base::Error error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    done_.notify_one();
  }

  /// Waits for all vectors, the first error or the deadline. Once, by the caller.
  base::Result<std::vector<float>> Wait() {
    std::unique_lock lock(mutex_);
    done_.wait_until(lock, deadline_.when(), [&] { return missing_ == 0 || error_.has_value(); });
    if (missing_ == 0) return std::move(vectors_);
    if (!error_) error_ = {base::Code::kDeadlineExceeded, "the text was not embedded before the deadline", {}};
    return *error_;
  }

 private:
  const base::Deadline deadline_;
  const std::size_t dimensions_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t missing_;  // vectors not delivered
  std::vector<float> vectors_;
  std::optional<base::Error> error_;
};

}  // namespace millrace::embed
