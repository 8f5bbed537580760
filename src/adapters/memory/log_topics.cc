#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "adapters/memory/log_state.h"

namespace millrace::memory {
namespace {

constexpr std::int32_t kOnlyBroker = 1;

base::Error NoSuchTopic(const std::string& name) {
  return {base::Code::kNotFound, fmt::format("there is no topic {}", name), {}};
}

std::int64_t SizeOf(const core::LogRecord& record) {
  std::size_t bytes = (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& [name, value] : record.headers) bytes += name.size() + value.size();
  return static_cast<std::int64_t>(bytes);
}

class LogTopics final : public core::LogAdmin {
 public:
  explicit LogTopics(LogState& state) : state_(state) {}

  base::Status CreateTopic(const core::TopicSpec& spec) override {
    RETURN_IF_ERROR(core::CheckEmbeddedTopic(spec));
    ASSIGN_OR_RETURN(const core::Retention retention, core::ParseRetention(spec.config));
    std::lock_guard lock(state_.mutex);
    const auto [topic, created] = state_.topics.try_emplace(spec.name);
    if (!created) return {base::Code::kConflict, fmt::format("there is a topic {} already", spec.name)};
    topic->second.incarnation = ++state_.last_incarnation;
    topic->second.spec = spec;
    topic->second.retention = retention;
    topic->second.partitions.resize(static_cast<std::size_t>(spec.partitions));
    for (auto& [name, group] : state_.groups) state_.Rebalance(group);
    return {};
  }

  base::Status DeleteTopic(const std::string& name) override {
    std::lock_guard lock(state_.mutex);
    if (state_.topics.erase(name) == 0) return NoSuchTopic(name);
    for (auto& [group_name, group] : state_.groups) {
      std::erase_if(group.committed, [&](const auto& item) { return item.first.topic == name; });
      state_.Rebalance(group);
    }
    return {};
  }

  base::Result<std::int64_t> EmptyTopic(const std::string& name) override {
    std::lock_guard lock(state_.mutex);
    const auto topic = state_.topics.find(name);
    if (topic == state_.topics.end()) return NoSuchTopic(name);
    std::int64_t removed = 0;
    for (LogPartition& partition : topic->second.partitions) {
      removed += partition.high() - partition.low;
      partition.low = partition.high();
      partition.records.clear();
    }
    return removed;
  }

  base::Status AlterTopic(const std::string& name, const core::TopicChange& change) override {
    std::lock_guard lock(state_.mutex);
    const auto topic = state_.topics.find(name);
    if (topic == state_.topics.end()) return NoSuchTopic(name);
    ASSIGN_OR_RETURN(core::TopicSpec spec, core::ChangedTopic(topic->second.spec, change));
    ASSIGN_OR_RETURN(topic->second.retention, core::ParseRetention(spec.config));
    topic->second.partitions.resize(static_cast<std::size_t>(spec.partitions));
    topic->second.spec = std::move(spec);
    if (change.partitions) {
      for (auto& [group_name, group] : state_.groups) state_.Rebalance(group);
    }
    return {};
  }

  base::Result<std::vector<core::TopicInfo>> ListTopics() override {
    std::lock_guard lock(state_.mutex);
    std::vector<core::TopicInfo> infos;
    for (const auto& [name, topic] : state_.topics) {
      auto& info = infos.emplace_back(
          core::TopicInfo{{name, topic.spec.partitions, topic.spec.replication, {}}, {}, topic.spec.replication});
      for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
        info.watermarks[static_cast<std::int32_t>(p)] = {topic.partitions[p].low, topic.partitions[p].high()};
      }
    }
    return infos;
  }

  base::Result<core::TopicDescription> DescribeTopic(const std::string& name) override {
    std::lock_guard lock(state_.mutex);
    const auto topic = state_.topics.find(name);
    if (topic == state_.topics.end()) return NoSuchTopic(name);
    core::TopicDescription description{topic->second.spec, {}};
    const core::Retention& retention = topic->second.retention;
    description.retention_ms = retention.age ? retention.age->count() : -1;
    for (std::size_t p = 0; p < topic->second.partitions.size(); ++p) {
      const LogPartition& partition = topic->second.partitions[p];
      description.partitions[static_cast<std::int32_t>(p)] = {
          {partition.low, partition.high()}, kOnlyBroker, {kOnlyBroker}, {kOnlyBroker}};
    }
    return description;
  }

  base::Result<std::int64_t> ApplyRetention(core::Timestamp now) override {
    std::lock_guard lock(state_.mutex);
    std::int64_t removed = 0;
    for (auto& [name, topic] : state_.topics) {
      for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
        auto& partition = topic.partitions[p];
        const auto bound = LowestCommitted({name, static_cast<std::int32_t>(p)}, partition.high());
        removed += Trim(partition, topic.retention, bound, now);
      }
    }
    return removed;
  }

 private:
  static std::int64_t Trim(LogPartition& partition, const core::Retention& retention, std::int64_t bound,
                           core::Timestamp now) {
    std::int64_t excess = 0;
    if (retention.bytes) {
      for (const auto& record : partition.records) excess += SizeOf(record);
      excess -= *retention.bytes;
    }
    const std::int64_t before = partition.low;
    while (partition.low < bound) {
      const core::LogRecord& oldest = partition.records.front();
      if (excess <= 0 && !(retention.age && oldest.timestamp < now - *retention.age)) break;
      excess -= SizeOf(oldest);
      partition.records.pop_front();
      ++partition.low;
    }
    return partition.low - before;
  }

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

}  // namespace

std::unique_ptr<core::LogAdmin> MakeLogAdmin(LogState& state) { return std::make_unique<LogTopics>(state); }

}  // namespace millrace::memory
