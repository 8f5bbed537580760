#include "adapters/memory/memory_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "adapters/memory/log_state.h"

namespace millrace::memory {

bool LogGroup::IsOwned(const core::TopicPartition& partition) const {
  return std::any_of(members.begin(), members.end(),
                     [&](const auto& item) { return item.second.owned.contains(partition); });
}

LogPartition* LogState::Find(const core::TopicPartition& partition) {
  const auto topic = topics.find(partition.topic);
  if (topic == topics.end()) return nullptr;
  const auto index = static_cast<std::size_t>(partition.partition);
  return partition.partition >= 0 && index < topic->second.partitions.size() ? &topic->second.partitions[index]
                                                                             : nullptr;
}

void LogState::Rebalance(LogGroup& group) {
  for (auto& [id, member] : group.members) member.target.clear();
  for (const auto& [name, topic] : topics) {
    std::vector<LogMember*> readers;
    for (auto& [id, member] : group.members) {
      if (std::count(member.topics.begin(), member.topics.end(), name) > 0) readers.push_back(&member);
    }
    for (std::size_t p = 0; p < topic.partitions.size() && !readers.empty(); ++p) {
      readers[p % readers.size()]->target.insert({name, static_cast<std::int32_t>(p)});
    }
  }
  changed.notify_all();
}

void LogState::ExpelSilent(LogGroup& group) {
  const auto now = std::chrono::steady_clock::now();
  const auto expelled = std::erase_if(group.members, [&](const auto& item) {
    return !item.second.polling && now - item.second.last_poll > member_silence;
  });
  if (expelled > 0) Rebalance(group);
}

class MemoryLog::Producer : public core::LogProducer {
 public:
  explicit Producer(LogState& state) : state_(state) {}

  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override {
    if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The records were not written in time."};
    std::lock_guard lock(state_.mutex);
    std::vector<base::Result<core::Position>> positions;
    positions.reserve(records.size());
    for (auto& record : records) positions.push_back(Append(std::move(record)));
    state_.changed.notify_all();
    return positions;
  }

 private:
  base::Result<core::Position> Append(core::LogRecord record) {
    core::Position& position = record.position;
    const auto topic = state_.topics.find(position.topic);
    if (topic == state_.topics.end()) {
      return {base::Code::kNotFound, fmt::format("There is no topic `{}`.", position.topic)};
    }
    const auto count = static_cast<std::int32_t>(topic->second.partitions.size());
    if (position.partition < 0) {
      position.partition = record.key ? core::PartitionForKey(*record.key, count)
                                      : static_cast<std::int32_t>(state_.next_keyless++ % count);
    }
    LogPartition* partition = state_.Find({position.topic, position.partition});
    if (partition == nullptr) {
      return {base::Code::kNotFound,
              fmt::format("Topic `{}` has no partition {}.", position.topic, position.partition)};
    }
    position.offset = partition->high();
    const core::Position written = position;
    partition->records.push_back(std::move(record));
    return written;
  }

  LogState& state_;
};

MemoryLog::MemoryLog(MemoryLogOptions options)
    : state_(std::make_shared<LogState>()),
      producer_(std::make_unique<Producer>(*state_)),
      admin_(MakeLogAdmin(*state_)),
      groups_(MakeGroupAdmin(*state_)) {
  state_->member_silence = options.member_silence;
}

MemoryLog::~MemoryLog() = default;

core::LogProducer& MemoryLog::producer() { return *producer_; }
core::LogAdmin& MemoryLog::admin() { return *admin_; }
core::GroupAdmin& MemoryLog::groups() { return *groups_; }

std::unique_ptr<core::LogConsumer> MemoryLog::NewConsumer(std::string group) {
  return MakeLogConsumer(state_, std::move(group));
}

}  // namespace millrace::memory
