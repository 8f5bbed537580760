#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace millrace::base {

/// How much is done per second: over the last 30 s, or since work began when that is shorter. Thread-safe.
class RateMeter {
 public:
  using Clock = std::chrono::steady_clock;

  void Add(double amount, Clock::time_point now = Clock::now()) {
    const std::int64_t second = SecondOf(now);
    std::lock_guard lock(mutex_);
    Slot& slot = slots_[static_cast<std::size_t>(second) % slots_.size()];
    if (slot.second != second) slot = {second, 0};
    slot.amount += amount;
  }

  double per_second(Clock::time_point now = Clock::now()) const {
    const std::int64_t second = SecondOf(now);
    std::int64_t first = second;
    double amount = 0;
    std::lock_guard lock(mutex_);
    for (const Slot& slot : slots_) {
      if (slot.second <= second - static_cast<std::int64_t>(slots_.size())) continue;
      first = std::min(first, slot.second);
      amount += slot.amount;
    }
    const std::chrono::duration<double> elapsed = now.time_since_epoch() - std::chrono::seconds(first);
    return amount / std::max(elapsed.count(), 1.0);  // a single thing just done is no burst
  }

 private:
  struct Slot {
    std::int64_t second = -1'000'000;  // since the clock's epoch
    double amount = 0;
  };

  static std::int64_t SecondOf(Clock::time_point time) {
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  }

  mutable std::mutex mutex_;
  std::array<Slot, 30> slots_;
};

}  // namespace millrace::base
