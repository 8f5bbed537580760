#pragma once

#include <condition_variable>
#include <mutex>

#include "base/deadline.h"

namespace millrace::ingest {

/// Lets batches run side by side, and a suspected document with nothing else in the process (DELIVERY §4): whoever asks
/// to be alone keeps newcomers out and waits until all who are in have left. Thread-safe.
class RunGate {
 public:
  /// Let go at its end. False when the deadline passed first.
  class Pass {
   public:
    Pass(RunGate& gate, bool alone, base::Deadline deadline)
        : gate_(gate), alone_(alone), inside_(gate.Enter(alone, deadline)) {}
    ~Pass() {
      if (inside_) gate_.Leave(alone_);
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    explicit operator bool() const { return inside_; }

   private:
    RunGate& gate_;
    const bool alone_, inside_;
  };

 private:
  bool Enter(bool alone, base::Deadline deadline) {
    std::unique_lock lock(mutex_);
    if (!alone) {
      const bool free = changed_.wait_until(lock, deadline.when(), [this] { return !taken_ && lining_up_ == 0; });
      if (free) ++inside_;
      return free;
    }
    ++lining_up_;
    const bool free = changed_.wait_until(lock, deadline.when(), [this] { return !taken_ && inside_ == 0; });
    --lining_up_;
    if (free) taken_ = true;
    changed_.notify_all();
    return free;
  }
  void Leave(bool alone) {
    std::lock_guard lock(mutex_);
    if (alone) {
      taken_ = false;
    } else {
      --inside_;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;     // side by side
  int lining_up_ = 0;  // to be alone
  bool taken_ = false;
};

}  // namespace millrace::ingest
