#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace millrace::base {

/// Pauses between attempts while a dependency is down: they double from `first` to `longest`, each between half and
/// whole of that, so that many waiters do not come back at the same instant. Not thread-safe.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  Backoff(Duration first, Duration longest) : first_(first), longest_(longest), next_(first) {}

  Duration Next() {
    const Duration whole = next_;
    next_ = std::min(next_ * 2, longest_);
    return Duration(std::uniform_int_distribution<Duration::rep>(whole.count() / 2, whole.count())(random_));
  }

  void Reset() { next_ = first_; }
  bool first_try() const { return next_ == first_; }

 private:
  const Duration first_, longest_;
  Duration next_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace millrace::base
