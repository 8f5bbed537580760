#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "adapters/memory/log_state.h"

namespace millrace::memory {
namespace {

/// Kafka's name for it. A group settles when its members have polled.
std::string StateOf(const LogGroup& group) {
  if (group.members.empty()) return "Empty";
  const bool settled = std::all_of(group.members.begin(), group.members.end(),
                                   [](const auto& item) { return item.second.owned == item.second.target; });
  return settled ? "Stable" : "PreparingRebalance";
}

class LogGroups final : public core::GroupAdmin {
 public:
  explicit LogGroups(LogState& state) : state_(state) {}

  base::Result<std::vector<core::GroupSummary>> ListGroups() override {
    std::lock_guard lock(state_.mutex);
    std::vector<core::GroupSummary> groups;
    for (auto& [name, group] : state_.groups) {
      state_.ExpelSilent(group);
      groups.push_back({name, StateOf(group)});
    }
    return groups;
  }

  base::Result<core::GroupInfo> DescribeGroup(const std::string& name) override {
    std::lock_guard lock(state_.mutex);
    const auto found = state_.groups.find(name);
    if (found == state_.groups.end()) return NoSuchGroup(name);
    LogGroup& group = found->second;
    state_.ExpelSilent(group);
    core::GroupInfo info{name, StateOf(group), {}, group.committed};
    for (const auto& [id, member] : group.members) {
      info.members.push_back(
          {fmt::format("{}-{}", name, id), "millrace", "localhost", {member.owned.begin(), member.owned.end()}});
    }
    return info;
  }

  base::Status ResetOffsets(const std::string& name,
                            const std::map<core::TopicPartition, std::int64_t>& next) override {
    std::lock_guard lock(state_.mutex);
    for (const auto& [partition, offset] : next) {
      const LogPartition* found = state_.Find(partition);
      if (found == nullptr) {
        return {base::Code::kNotFound,
                fmt::format("there is no partition {} of topic {}", partition.partition, partition.topic)};
      }
      if (offset < 0 || offset > found->high()) {
        return {base::Code::kInvalidArgument, fmt::format("offset {} of {}-{} is beyond its end {}", offset,
                                                          partition.topic, partition.partition, found->high())};
      }
    }
    const auto group = state_.groups.find(name);
    if (group != state_.groups.end()) RETURN_IF_ERROR(CheckEmpty(group->second, name));
    for (const auto& [partition, offset] : next) state_.groups[name].committed[partition] = offset;
    return {};
  }

  base::Status DeleteGroup(const std::string& name) override {
    std::lock_guard lock(state_.mutex);
    const auto found = state_.groups.find(name);
    if (found == state_.groups.end()) return NoSuchGroup(name);
    RETURN_IF_ERROR(CheckEmpty(found->second, name));
    state_.groups.erase(found);
    return {};
  }

  base::Result<std::map<std::int32_t, std::int64_t>> OffsetsAt(const std::string& topic,
                                                               core::Timestamp time) override {
    std::lock_guard lock(state_.mutex);
    const auto found = state_.topics.find(topic);
    if (found == state_.topics.end()) {
      return base::Error{base::Code::kNotFound, fmt::format("there is no topic {}", topic), {}};
    }
    std::map<std::int32_t, std::int64_t> offsets;
    for (std::size_t p = 0; p < found->second.partitions.size(); ++p) {
      const LogPartition& partition = found->second.partitions[p];
      const auto first = std::find_if(partition.records.begin(), partition.records.end(),
                                      [&](const core::LogRecord& record) { return record.timestamp >= time; });
      offsets[static_cast<std::int32_t>(p)] = partition.low + (first - partition.records.begin());
    }
    return offsets;
  }

 private:
  static base::Error NoSuchGroup(const std::string& name) {
    return {base::Code::kNotFound, fmt::format("there is no group {}", name), {}};
  }

  base::Status CheckEmpty(LogGroup& group, const std::string& name) {
    state_.ExpelSilent(group);
    if (group.members.empty()) return {};
    return {base::Code::kConflict, fmt::format("group {} has {} members", name, group.members.size())};
  }

  LogState& state_;
};

}  // namespace

std::unique_ptr<core::GroupAdmin> MakeGroupAdmin(LogState& state) { return std::make_unique<LogGroups>(state); }

}  // namespace millrace::memory
