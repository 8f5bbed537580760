#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/signal.h"
#include "core/instances.h"

namespace millrace::ingest {

/// A new `Instance::id`: 32 random hexadecimal digits.
std::string NewInstanceId();

/// Tells the others that this process is there (DELIVERY §7): a heartbeat every 2 s until Stop, which takes leave. An
/// outage of the store is said once when it begins and once when it ends.
class Presence {
 public:
  /// `describe` says what this process is and does right now; called on another thread.
  Presence(core::Instances& instances, std::function<core::Instance()> describe)
      : instances_(instances), describe_(std::move(describe)) {}
  ~Presence() { Stop(); }

  void Start();
  void Stop();

 private:
  void Run();

  core::Instances& instances_;
  const std::function<core::Instance()> describe_;
  base::StopFlag stop_;
  std::thread thread_;
};

}  // namespace millrace::ingest
