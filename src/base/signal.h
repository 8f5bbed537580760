#pragma once

#include <condition_variable>
#include <mutex>

#include "base/deadline.h"

namespace millrace::base {

/// Wakes a thread that waits for work; a wake-up that comes before the wait is not lost. Thread-safe.
class Signal {
 public:
  void Set() {
    std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }

  /// True when it was set; false when the deadline passed first. Either way it is unset after.
  bool Wait(Deadline deadline) {
    std::unique_lock lock(mutex_);
    const bool was_set = changed_.wait_until(lock, deadline.when(), [this] { return set_; });
    set_ = false;
    return was_set;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// Asks threads to stop and cuts their pauses short. Thread-safe.
class StopFlag {
 public:
  /// What is in work may be finished until `finish_by`.
  void Stop(Deadline finish_by = Deadline::Expired()) {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    finish_by_ = finish_by;
    changed_.notify_all();
  }

  bool stopping() const {
    std::lock_guard lock(mutex_);
    return stopping_;
  }

  /// Whether there is no time left to finish what is in work.
  bool late() const {
    std::lock_guard lock(mutex_);
    return stopping_ && finish_by_.expired();
  }

  /// Waits; true when it ended early because of Stop().
  bool SleepUntil(Deadline deadline) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline.when(), [this] { return stopping_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool stopping_ = false;
  Deadline finish_by_ = Deadline::Expired();
};

}  // namespace millrace::base
