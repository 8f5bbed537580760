#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/log.h"

namespace millrace::memory {

struct LogState;

struct MemoryLogOptions {
  std::chrono::milliseconds member_silence = std::chrono::seconds(10);  // then a group member loses its partitions
};

/// The log ports over records in memory, which end with it. Groups rebalance as on a broker: a partition changes hands
/// only after its owner has polled and given it back, or was silent for too long. Thread-safe.
class MemoryLog {
 public:
  explicit MemoryLog(MemoryLogOptions options = {});
  ~MemoryLog();  // consumers may outlive it
  MemoryLog(const MemoryLog&) = delete;
  MemoryLog& operator=(const MemoryLog&) = delete;

  core::LogProducer& producer();
  core::LogAdmin& admin();
  core::GroupAdmin& groups();

  /// With an empty group it can Assign, not Subscribe or Commit.
  std::unique_ptr<core::LogConsumer> NewConsumer(std::string group);

 private:
  class Producer;

  std::shared_ptr<LogState> state_;
  std::unique_ptr<Producer> producer_;
  std::unique_ptr<core::LogAdmin> admin_;
  std::unique_ptr<core::GroupAdmin> groups_;
};

}  // namespace millrace::memory
