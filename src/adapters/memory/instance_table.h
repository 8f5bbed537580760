#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "core/instances.h"

namespace millrace::memory {

/// The processes of a store that only one process can have open, such as an SQLite file: nobody else could read what it
/// wrote of itself, so it is kept in memory. Thread-safe.
class InstanceTable final : public core::Instances {
 public:
  base::Status Beat(const core::Instance& instance) override;
  base::Status Leave(const std::string& id) override;
  base::Result<std::vector<core::Instance>> List() override;
  base::Result<bool> Acquire(const std::string& name, const std::string& holder,
                             std::chrono::milliseconds duration) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Beating {
    core::Instance instance;
    Clock::time_point until;
  };
  struct Lease {
    std::string holder;
    Clock::time_point until;
  };

  std::mutex mutex_;
  std::map<std::string, Beating> instances_;  // by id
  std::map<std::string, Lease> leases_;       // by name
};

}  // namespace millrace::memory
