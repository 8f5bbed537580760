#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace millrace::kafka {

/// `sasl_ssl://127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state
/// CONNECT)` without what only librdkafka's authors need: the broker and the reason.
struct BrokerReason {
  std::string broker, reason;
};
BrokerReason ParseBrokerReason(std::string_view line);

/// What the brokers last had to say, to tell the cause of a call that timed out. Thread-safe.
class BrokerTrouble {
 public:
  void Note(std::string_view line);

  /// `127.0.0.1:9092: Connection refused`, several joined by `; `; empty when nothing went wrong lately.
  std::string Recent() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Trouble {
    std::string reason;
    Clock::time_point when;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Trouble> by_broker_;
};

}  // namespace millrace::kafka
