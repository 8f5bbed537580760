#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/log.h"
#include "core/topic_rules.h"

namespace millrace::memory {

struct LogPartition {
  std::int64_t low = 0;
  std::deque<core::LogRecord> records;  // records[i] lies at offset low + i

  std::int64_t high() const { return low + static_cast<std::int64_t>(records.size()); }
};

struct LogTopic {
  std::int64_t incarnation = 0;  // tells a topic from an earlier one of the same name
  core::TopicSpec spec;
  core::Retention retention;  // as spec.config has it
  std::vector<LogPartition> partitions;
};

struct LogMember {
  std::vector<std::string> topics;
  std::set<core::TopicPartition> target;  // what it should own
  std::set<core::TopicPartition> owned;   // what it does own: no other member has it
  bool polling = false;                   // inside Poll, so not silent
  std::chrono::steady_clock::time_point last_poll;
};

struct LogGroup {
  std::map<std::int64_t, LogMember> members;
  std::map<core::TopicPartition, std::int64_t> committed;

  bool IsOwned(const core::TopicPartition& partition) const;
};

/// All state of a MemoryLog, shared with its consumers. Who touches it holds `mutex`.
struct LogState {
  std::mutex mutex;
  std::condition_variable changed;  // records came, partitions were given back, members or topics came or went
  std::chrono::milliseconds member_silence{};
  std::map<std::string, LogTopic> topics;
  std::map<std::string, LogGroup> groups;
  std::int64_t last_incarnation = 0, last_member = 0, next_keyless = 0;

  LogPartition* Find(const core::TopicPartition& partition);
  /// Gives each member its share of the partitions of its topics as its target.
  void Rebalance(LogGroup& group);
  /// Puts out members that were silent for too long.
  void ExpelSilent(LogGroup& group);
};

std::unique_ptr<core::LogAdmin> MakeLogAdmin(LogState& state);
std::unique_ptr<core::GroupAdmin> MakeGroupAdmin(LogState& state);
std::unique_ptr<core::LogConsumer> MakeLogConsumer(std::shared_ptr<LogState> state, std::string group);

}  // namespace millrace::memory
