#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/metrics.h"

namespace millrace::ingest {

/// Which dependencies the pipeline is waiting for. However many threads wait for one, the log says so once, and once
/// that it is over. Thread-safe.
class Outages {
 public:
  explicit Outages(base::Metrics& metrics) : metrics_(metrics) {}

  /// `dependency`: `the store`, `the model`.
  void Begin(const std::string& dependency, const std::string& reason);
  void End(const std::string& dependency, bool is_back);

  /// `stopped: the store is not available: <reason>`; empty when the pipeline waits for nothing.
  std::string Describe() const;

 private:
  struct Outage {
    int waiting = 0;
    std::string reason;
  };

  void Show(const std::string& dependency, bool waits);

  base::Metrics& metrics_;
  mutable std::mutex mutex_;
  std::map<std::string, Outage> outages_;
};

}  // namespace millrace::ingest
