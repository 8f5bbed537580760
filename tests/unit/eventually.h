#pragma once

#include <chrono>
#include <functional>
#include <thread>

#include "base/deadline.h"

namespace millrace {

/// Waits up to 30 s for something that other threads bring about; false when it is not so in time.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = base::Deadline::AfterSeconds(30);
  while (!condition()) {
    if (deadline.expired()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace millrace
