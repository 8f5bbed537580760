#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/deadline.h"

namespace millrace::sqlite {

/// Wakes consumers when something was appended or a group changed. Thread-safe.
class LogSignal {
 public:
  std::uint64_t count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }

  void Raise() {
    std::lock_guard lock(mutex_);
    ++count_;
    raised_.notify_all();
  }

  /// Until it was raised after `seen` was taken, or the deadline.
  void WaitPast(std::uint64_t seen, base::Deadline deadline) {
    std::unique_lock lock(mutex_);
    raised_.wait_until(lock, deadline.when(), [&] { return count_ != seen; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable raised_;
  std::uint64_t count_ = 0;
};

}  // namespace millrace::sqlite
