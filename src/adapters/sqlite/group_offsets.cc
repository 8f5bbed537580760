#include "adapters/sqlite/group_offsets.h"

#include <fmt/core.h>

#include <utility>

#include "adapters/sqlite/log_rows.h"

namespace millrace::sqlite {
namespace {

base::Error NoSuchGroup(const std::string& name) {
  return {base::Code::kNotFound, fmt::format("there is no group {}", name), {}};
}

/// Kafka's name for it.
std::string StateOf(const Groups::Shape& shape) {
  if (shape.members.empty()) return "Empty";
  return shape.settled ? "Stable" : "PreparingRebalance";
}

bool IsStored(Connection& connection, const std::string& group) {
  return connection.Int("SELECT 1 FROM log_groups WHERE name = ?1", group).has_value();
}

base::Status StoreOffset(Connection& connection, const std::string& group, const core::TopicPartition& partition,
                         std::int64_t next) {
  const auto topic = FindTopic(connection, partition.topic);
  const auto marks = topic ? FindWatermarks(connection, topic->id, partition.partition) : std::nullopt;
  if (!marks) {
    return {base::Code::kNotFound,
            fmt::format("there is no partition {} of topic {}", partition.partition, partition.topic)};
  }
  if (next < 0 || next > marks->high) {
    return {base::Code::kInvalidArgument, fmt::format("offset {} of {}-{} is beyond its end {}", next, partition.topic,
                                                      partition.partition, marks->high)};
  }
  connection.Run(R"sql(
      INSERT OR REPLACE INTO log_offsets(group_name, topic_id, partition, next_offset) VALUES (?1, ?2, ?3, ?4))sql",
                 group, topic->id, partition.partition, next);
  return {};
}

}  // namespace

base::Result<std::vector<core::GroupSummary>> GroupOffsets::ListGroups() {
  ASSIGN_OR_RETURN(std::vector<core::GroupSummary> groups,
                   engine_.readers->Read([](Connection& connection) -> base::Result<std::vector<core::GroupSummary>> {
                     std::vector<core::GroupSummary> stored;
                     Statement select(connection, "SELECT name FROM log_groups ORDER BY name");
                     while (select.Step()) stored.push_back({select.Text(0), {}});
                     return stored;
                   }));
  for (core::GroupSummary& group : groups) group.state = StateOf(groups_.Describe(group.name));
  return groups;
}

base::Result<core::GroupInfo> GroupOffsets::DescribeGroup(const std::string& name) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<core::GroupInfo> {
    if (!IsStored(connection, name)) return NoSuchGroup(name);
    Groups::Shape shape = groups_.Describe(name);
    core::GroupInfo info{name, StateOf(shape), std::move(shape.members), {}};
    Statement offsets(connection, R"sql(
        SELECT t.name, o.partition, o.next_offset FROM log_offsets o JOIN log_topics t ON t.id = o.topic_id
        WHERE o.group_name = ?1)sql");
    offsets.Bind(name);
    while (offsets.Step()) {
      info.committed[{offsets.Text(0), static_cast<std::int32_t>(offsets.Int(1))}] = offsets.Int(2);
    }
    return info;
  });
}

base::Status GroupOffsets::CheckEmpty(const std::string& group) {
  const std::size_t members = groups_.Describe(group).members.size();
  if (members == 0) return {};
  return {base::Code::kConflict, fmt::format("group {} has {} members", group, members)};
}

// Both on the writer's thread: a member that joins behind the check waits there for its turn before it reads offsets.

base::Status GroupOffsets::ResetOffsets(const std::string& name,
                                        const std::map<core::TopicPartition, std::int64_t>& next) {
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    RETURN_IF_ERROR(CheckEmpty(name));
    for (const auto& [partition, offset] : next) RETURN_IF_ERROR(StoreOffset(connection, name, partition, offset));
    connection.Run("INSERT OR IGNORE INTO log_groups(name) VALUES (?1)", name);
    return {};
  });
}

base::Status GroupOffsets::DeleteGroup(const std::string& name) {
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    if (!IsStored(connection, name)) return NoSuchGroup(name);
    RETURN_IF_ERROR(CheckEmpty(name));
    connection.Run("DELETE FROM log_offsets WHERE group_name = ?1", name);
    connection.Run("DELETE FROM log_groups WHERE name = ?1", name);
    return {};
  });
}

base::Result<std::map<std::int32_t, std::int64_t>> GroupOffsets::OffsetsAt(const std::string& topic,
                                                                           core::Timestamp time) {
  using Offsets = std::map<std::int32_t, std::int64_t>;
  return engine_.readers->Read([&](Connection& connection) -> base::Result<Offsets> {
    const auto row = FindTopic(connection, topic);
    if (!row) return base::Error{base::Code::kNotFound, fmt::format("there is no topic {}", topic), {}};
    Offsets offsets;
    for (std::int32_t partition = 0; partition < row->spec.partitions; ++partition) {
      const auto first = connection.Int(R"sql(
          SELECT offset FROM log_records WHERE topic_id = ?1 AND partition = ?2 AND timestamp >= ?3
          ORDER BY offset LIMIT 1)sql",
                                        row->id, partition, time);
      offsets[partition] = first ? *first : FindWatermarks(connection, row->id, partition)->high;
    }
    return offsets;
  });
}

}  // namespace millrace::sqlite
