#pragma once

#include <algorithm>
#include <chrono>

namespace millrace::base {

/// The instant after which a wait gives up. Steady clock, so wall-clock jumps do not matter.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline After(Clock::duration duration) { return Deadline(Clock::now() + duration); }
  static Deadline AfterSeconds(double seconds) {
    return After(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  }
  static Deadline Expired() { return Deadline(Clock::time_point::min()); }

  bool expired() const { return Clock::now() >= when_; }
  Clock::time_point when() const { return when_; }

  /// Never negative.
  Clock::duration remaining() const {
    const auto now = Clock::now();
    return now >= when_ ? Clock::duration::zero() : when_ - now;
  }

  Deadline EarlierOf(Deadline other) const { return Deadline(std::min(when_, other.when_)); }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}
  Clock::time_point when_;
};

}  // namespace millrace::base
