#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "admin/status.h"

namespace millrace::admin {

/// Asks a dependency whether it works. Should answer within `timeout`, and does answer some time: its thread is waited
/// for at the end.
using Probe = std::function<base::Status(std::chrono::milliseconds timeout)>;

/// Asks all dependencies at once, each on a thread of its own, so that one that hangs delays neither the others nor the
/// answer. Callers at the same time share a probe that is under way. Thread-safe.
class HealthProbes {
 public:
  explicit HealthProbes(std::map<std::string, Probe> probes);
  ~HealthProbes();

  /// Within 1.8 s. A dependency that hangs is `disconnected: no answer within 1.5 s`.
  DependencyHealth Ask();

 private:
  struct Dependency {
    std::string name;
    Probe probe;
    bool asked = false, running = false;
    std::uint64_t answers = 0;
    std::string state = {};
    std::thread thread = {};
  };

  void Run(Dependency& dependency);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::list<Dependency> dependencies_;
};

}  // namespace millrace::admin
