#include "adapters/sqlite/log_topics.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::sqlite {
namespace {

constexpr std::int64_t kMaxRemovedRows = 1000;  // in one transaction, so that it does not hold up other writers
constexpr std::int32_t kMaxPartitions = 1024;

/// Kafka's rule for names.
bool IsTopicName(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// The first offset that some group has not read; the largest number when no group reads the topic.
std::int64_t FirstUnread(Connection& connection, std::int64_t topic_id, std::int32_t partition,
                         const std::set<std::string>& live_groups) {
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::set<std::string> groups = live_groups;
  Statement select(connection, "SELECT DISTINCT group_name FROM log_offsets WHERE topic_id = ?1");
  select.Bind(topic_id);
  while (select.Step()) groups.insert(select.Text(0));
  for (const std::string& group : groups) {
    first = std::min(first, FindCommitted(connection, group, topic_id, partition).value_or(0));
  }
  return first;
}

/// Removes the records of one short transaction; how many went.
std::int64_t TrimSome(Connection& connection, std::int64_t topic_id, std::int32_t partition, std::int64_t first_unread,
                      core::Timestamp oldest) {
  const auto marks = FindWatermarks(connection, topic_id, partition);
  if (!marks) return 0;
  std::int64_t low = marks->low;
  Statement select(connection, R"sql(
      SELECT offset FROM log_records WHERE topic_id = ?1 AND partition = ?2 AND offset >= ?3 AND offset < ?4
        AND timestamp < ?5 ORDER BY offset LIMIT ?6)sql");
  select.Bind(topic_id, partition, low, first_unread, oldest, kMaxRemovedRows);
  while (select.Step() && select.Int(0) == low) ++low;  // up to the first record that is still young
  if (low == marks->low) return 0;
  connection.Run("DELETE FROM log_records WHERE topic_id = ?1 AND partition = ?2 AND offset < ?3", topic_id, partition,
                 low);
  connection.Run("UPDATE log_partitions SET low = ?3 WHERE topic_id = ?1 AND partition = ?2", topic_id, partition, low);
  return low - marks->low;
}

}  // namespace

base::Status Topics::Load() {
  ASSIGN_OR_RETURN(const std::vector<TopicRow> topics,
                   engine_.readers->Read([](Connection& connection) -> base::Result<std::vector<TopicRow>> {
                     return ListTopicRows(connection);
                   }));
  for (const TopicRow& topic : topics) groups_.AddTopic(topic.spec.name, topic.spec.partitions);
  return {};
}

base::Status Topics::CreateTopic(const core::TopicSpec& spec) {
  if (!IsTopicName(spec.name)) {
    return {base::Code::kInvalidArgument, "a topic's name has 1 to 249 letters, digits, dots, dashes or underscores"};
  }
  if (spec.partitions < 1 || spec.partitions > kMaxPartitions) {
    return {base::Code::kInvalidArgument, fmt::format("a topic has 1 to {} partitions", kMaxPartitions)};
  }
  return engine_.writer->Run(
      engine_.WriteDeadline(),
      [&](Connection& connection) -> base::Status {
        if (FindTopic(connection, spec.name)) {
          return {base::Code::kConflict, fmt::format("there is a topic {} already", spec.name)};
        }
        std::optional<std::int64_t> retention;
        if (spec.retention) retention = spec.retention->count();
        connection.Run("INSERT INTO log_topics(name, replication, retention_ms, created_at) VALUES (?1, ?2, ?3, ?4)",
                       spec.name, spec.replication, retention, core::Now());
        const std::int64_t id = connection.last_insert_id();
        for (std::int32_t partition = 0; partition < spec.partitions; ++partition) {
          connection.Run("INSERT INTO log_partitions(topic_id, partition) VALUES (?1, ?2)", id, partition);
        }
        return {};
      },
      [this, name = spec.name, partitions = spec.partitions] { groups_.AddTopic(name, partitions); });
}

base::Status Topics::DeleteTopic(const std::string& name) {
  RETURN_IF_ERROR(engine_.writer->Run(
      engine_.WriteDeadline(),
      [&](Connection& connection) -> base::Status {
        const auto topic = FindTopic(connection, name);
        if (!topic) return {base::Code::kNotFound, fmt::format("there is no topic {}", name)};
        for (const char* sql :
             {"DELETE FROM log_topics WHERE id = ?1", "DELETE FROM log_partitions WHERE topic_id = ?1",
              "DELETE FROM log_offsets WHERE topic_id = ?1"}) {
          connection.Run(sql, topic->id);
        }
        return {};
      },
      [this, name] { groups_.RemoveTopic(name); }));
  // From here on the topic is gone; what is left of it takes no part in anything.
  if (const auto removed = RemoveRecordsOfDeletedTopics(); !removed) return removed.error();
  return {};
}

base::Result<std::vector<core::TopicInfo>> Topics::ListTopics() {
  return engine_.readers->Read([](Connection& connection) -> base::Result<std::vector<core::TopicInfo>> {
    std::vector<core::TopicInfo> topics;
    for (TopicRow& topic : ListTopicRows(connection)) {
      core::TopicInfo info{std::move(topic.spec), {}};
      for (std::int32_t partition = 0; partition < info.spec.partitions; ++partition) {
        info.watermarks[partition] = FindWatermarks(connection, topic.id, partition).value_or(core::Watermarks());
      }
      topics.push_back(std::move(info));
    }
    return topics;
  });
}

base::Result<std::vector<core::GroupInfo>> Topics::ListGroups() {
  const auto live = groups_.Shapes();
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::GroupInfo>> {
    std::vector<core::GroupInfo> groups;
    Statement select(connection, "SELECT name, generation FROM log_groups ORDER BY name");
    while (select.Step()) {
      core::GroupInfo info;
      info.group = select.Text(0);
      info.generation = select.Int(1);
      if (const auto found = live.find(info.group); found != live.end()) {
        info.generation = std::max(info.generation, found->second.generation);
        info.members = found->second.members;
      }
      Statement offsets(connection, R"sql(
          SELECT t.name, o.partition, o.next_offset FROM log_offsets o JOIN log_topics t ON t.id = o.topic_id
          WHERE o.group_name = ?1)sql");
      offsets.Bind(info.group);
      while (offsets.Step()) {
        info.committed[{offsets.Text(0), static_cast<std::int32_t>(offsets.Int(1))}] = offsets.Int(2);
      }
      groups.push_back(std::move(info));
    }
    return groups;
  });
}

base::Result<std::int64_t> Topics::TrimPartition(const TopicRow& topic, std::int32_t partition,
                                                 core::Timestamp oldest) {
  std::int64_t removed = 0;
  for (std::int64_t step = 1; step > 0; removed += step) {
    ASSIGN_OR_RETURN(
        step, engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Result<std::int64_t> {
          const std::int64_t first_unread =
              FirstUnread(connection, topic.id, partition, groups_.GroupsReading(topic.spec.name));
          return TrimSome(connection, topic.id, partition, first_unread, oldest);
        }));
  }
  return removed;
}

base::Result<std::int64_t> Topics::RemoveRecordsOfDeletedTopics() {
  std::int64_t removed = 0;
  for (std::int64_t step = 1; step > 0; removed += step) {
    ASSIGN_OR_RETURN(
        step, engine_.writer->Run(engine_.WriteDeadline(), [](Connection& connection) -> base::Result<std::int64_t> {
          std::optional<std::int64_t> topic = 0;
          do {
            topic = connection.Int("SELECT topic_id FROM log_records WHERE topic_id > ?1 ORDER BY topic_id LIMIT 1",
                                   *topic);
          } while (topic && connection.Int("SELECT 1 FROM log_topics WHERE id = ?1", *topic));
          if (!topic) return 0;
          return connection.Run(R"sql(
          DELETE FROM log_records WHERE (topic_id, partition, offset) IN (
            SELECT topic_id, partition, offset FROM log_records WHERE topic_id = ?1 LIMIT ?2))sql",
                                *topic, kMaxRemovedRows);
        }));
  }
  return removed;
}

base::Result<std::int64_t> Topics::ApplyRetention(core::Timestamp now) {
  ASSIGN_OR_RETURN(const std::vector<TopicRow> topics,
                   engine_.readers->Read([](Connection& connection) -> base::Result<std::vector<TopicRow>> {
                     return ListTopicRows(connection);
                   }));
  std::int64_t removed = 0;
  for (const TopicRow& topic : topics) {
    if (!topic.spec.retention) continue;
    for (std::int32_t partition = 0; partition < topic.spec.partitions; ++partition) {
      ASSIGN_OR_RETURN(const std::int64_t trimmed, TrimPartition(topic, partition, now - *topic.spec.retention));
      removed += trimmed;
    }
  }
  ASSIGN_OR_RETURN(const std::int64_t left_over, RemoveRecordsOfDeletedTopics());
  return removed + left_over;
}

}  // namespace millrace::sqlite
