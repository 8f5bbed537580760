#pragma once

#include <atomic>

namespace millrace::http {

/// Holds one of a number of places while it lives, so that only so many requests do something at a time.
class Place {
 public:
  explicit Place(std::atomic<int>& free) : free_(free), taken_(--free_ >= 0) {}
  ~Place() { ++free_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool taken() const { return taken_; }  // false: there was none left

 private:
  std::atomic<int>& free_;
  const bool taken_;
};

}  // namespace millrace::http
