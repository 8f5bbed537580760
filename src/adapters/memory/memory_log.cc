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
  ++group.generation;
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

class MemoryLog::Admin : public core::LogAdmin {
 public:
  explicit Admin(LogState& state) : state_(state) {}

  base::Status CreateTopic(const core::TopicSpec& spec) override {
    if (spec.name.empty()) return {base::Code::kInvalidArgument, "A topic needs a name."};
    if (spec.partitions < 1) return {base::Code::kInvalidArgument, "A topic needs at least one partition."};
    std::lock_guard lock(state_.mutex);
    const auto [topic, created] = state_.topics.try_emplace(spec.name);
    if (!created) return {base::Code::kConflict, fmt::format("The topic `{}` exists.", spec.name)};
    topic->second.incarnation = ++state_.last_incarnation;
    topic->second.spec = spec;
    topic->second.partitions.resize(static_cast<std::size_t>(spec.partitions));
    for (auto& [name, group] : state_.groups) state_.Rebalance(group);
    return {};
  }

  base::Status DeleteTopic(const std::string& name) override {
    std::lock_guard lock(state_.mutex);
    if (state_.topics.erase(name) == 0) return {base::Code::kNotFound, fmt::format("There is no topic `{}`.", name)};
    for (auto& [group_name, group] : state_.groups) {
      std::erase_if(group.committed, [&](const auto& item) { return item.first.topic == name; });
      state_.Rebalance(group);
    }
    return {};
  }

  base::Result<std::vector<core::TopicInfo>> ListTopics() override {
    std::lock_guard lock(state_.mutex);
    std::vector<core::TopicInfo> infos;
    for (const auto& [name, topic] : state_.topics) {
      auto& info = infos.emplace_back(core::TopicInfo{topic.spec, {}});
      for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
        info.watermarks[static_cast<std::int32_t>(p)] = {topic.partitions[p].low, topic.partitions[p].high()};
      }
    }
    return infos;
  }

  base::Result<std::vector<core::GroupInfo>> ListGroups() override {
    std::lock_guard lock(state_.mutex);
    std::vector<core::GroupInfo> infos;
    for (auto& [name, group] : state_.groups) {
      state_.ExpelSilent(group);
      infos.push_back({name, group.generation, static_cast<std::int32_t>(group.members.size()), group.committed});
    }
    return infos;
  }

  base::Result<std::int64_t> ApplyRetention(core::Timestamp now) override {
    std::lock_guard lock(state_.mutex);
    std::int64_t removed = 0;
    for (auto& [name, topic] : state_.topics) {
      if (!topic.spec.retention) continue;
      for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
        auto& partition = topic.partitions[p];
        const auto bound = LowestCommitted({name, static_cast<std::int32_t>(p)}, partition.high());
        while (partition.low < bound && partition.records.front().timestamp + *topic.spec.retention < now) {
          partition.records.pop_front();
          ++partition.low;
          ++removed;
        }
      }
    }
    return removed;
  }

 private:
  std::int64_t LowestCommitted(const core::TopicPartition& partition, std::int64_t high) const {
    std::int64_t lowest = high;
    for (const auto& [name, group] : state_.groups) {
      const auto committed = group.committed.find(partition);
      if (committed != group.committed.end()) lowest = std::min(lowest, committed->second);
    }
    return lowest;
  }

  LogState& state_;
};

MemoryLog::MemoryLog(MemoryLogOptions options)
    : state_(std::make_shared<LogState>()),
      producer_(std::make_unique<Producer>(*state_)),
      admin_(std::make_unique<Admin>(*state_)) {
  state_->member_silence = options.member_silence;
}

MemoryLog::~MemoryLog() = default;

core::LogProducer& MemoryLog::producer() { return *producer_; }
core::LogAdmin& MemoryLog::admin() { return *admin_; }

std::unique_ptr<core::LogConsumer> MemoryLog::NewConsumer(std::string group) {
  return MakeLogConsumer(state_, std::move(group));
}

}  // namespace millrace::memory
