#include "adapters/sqlite/log_topics.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace millrace::sqlite {
namespace {

constexpr std::int32_t kOnlyBroker = 1;

base::Error NoSuchTopic(const std::string& name) {
  return {base::Code::kNotFound, fmt::format("there is no topic {}", name), {}};
}

void AddPartitions(Connection& connection, std::int64_t topic_id, std::int32_t first, std::int32_t end) {
  for (std::int32_t partition = first; partition < end; ++partition) {
    connection.Run("INSERT INTO log_partitions(topic_id, partition) VALUES (?1, ?2)", topic_id, partition);
  }
}

void WriteConfig(Connection& connection, std::int64_t topic_id, const std::map<std::string, std::string>& config) {
  connection.Run("DELETE FROM log_topic_config WHERE topic_id = ?1", topic_id);
  for (const auto& [name, value] : config) {
    connection.Run("INSERT INTO log_topic_config(topic_id, name, value) VALUES (?1, ?2, ?3)", topic_id, name, value);
  }
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

/// Behind what is beyond `bytes`, counted from the end.
std::int64_t FirstWithin(Connection& connection, std::int64_t topic_id, std::int32_t partition,
                         const core::Watermarks& marks, std::int64_t bytes) {
  Statement select(connection, R"sql(
      SELECT offset, 64 + ifnull(length(key), 0) + ifnull(length(headers), 0) + ifnull(length(value), 0)
      FROM log_records WHERE topic_id = ?1 AND partition = ?2 ORDER BY offset DESC)sql");
  select.Bind(topic_id, partition);
  std::int64_t first = marks.high;
  while (first > marks.low && select.Step() && select.Int(1) <= bytes) {
    first = select.Int(0);
    bytes -= select.Int(1);
  }
  return first;
}

/// Removes what lies before `low`, which becomes the start of the partition.
void MoveStart(Connection& connection, std::int64_t topic_id, std::int32_t partition, std::int64_t low) {
  connection.Run("DELETE FROM log_records WHERE topic_id = ?1 AND partition = ?2 AND offset < ?3", topic_id, partition,
                 low);
  connection.Run("UPDATE log_partitions SET low = ?3 WHERE topic_id = ?1 AND partition = ?2", topic_id, partition, low);
}

/// Removes the records of one short transaction; how many went.
std::int64_t TrimSome(Connection& connection, std::int64_t topic_id, std::int32_t partition, std::int64_t first_unread,
                      const core::Retention& retention, core::Timestamp now) {
  const auto marks = FindWatermarks(connection, topic_id, partition);
  if (!marks) return 0;
  const core::Timestamp oldest = retention.age ? now - *retention.age : core::Timestamp::min();
  const std::int64_t first_within =
      retention.bytes ? FirstWithin(connection, topic_id, partition, *marks, *retention.bytes) : marks->low;
  std::int64_t low = marks->low;
  Statement select(connection, R"sql(
      SELECT offset FROM log_records WHERE topic_id = ?1 AND partition = ?2 AND offset >= ?3 AND offset < ?4
        AND (timestamp < ?5 OR offset < ?6) ORDER BY offset LIMIT ?7)sql");
  select.Bind(topic_id, partition, low, first_unread, oldest, first_within, kMaxRemovedRows);
  while (select.Step() && select.Int(0) == low) ++low;  // up to the first record that is to be kept
  if (low == marks->low) return 0;
  MoveStart(connection, topic_id, partition, low);
  return low - marks->low;
}

/// Removes records before `end`, those of one short transaction; how many went.
base::Result<std::int64_t> RemoveSome(Connection& connection, const TopicRow& topic, std::int32_t partition,
                                      std::int64_t end) {
  const auto marks = FindWatermarks(connection, topic.id, partition);
  if (!marks) return NoSuchTopic(topic.spec.name);  // deleted meanwhile; one made anew has another id
  const std::int64_t low = std::min(end, marks->low + kMaxRemovedRows);
  if (low <= marks->low) return 0;
  MoveStart(connection, topic.id, partition, low);
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
  RETURN_IF_ERROR(core::CheckEmbeddedTopic(spec));
  return engine_.writer->Run(
      engine_.WriteDeadline(),
      [&](Connection& connection) -> base::Status {
        if (FindTopic(connection, spec.name)) {
          return {base::Code::kConflict, fmt::format("there is a topic {} already", spec.name)};
        }
        connection.Run("INSERT INTO log_topics(name, replication, created_at) VALUES (?1, ?2, ?3)", spec.name,
                       spec.replication, core::Now());
        const std::int64_t id = connection.last_insert_id();
        AddPartitions(connection, id, 0, spec.partitions);
        WriteConfig(connection, id, spec.config);
        return {};
      },
      [this, name = spec.name, partitions = spec.partitions] { groups_.AddTopic(name, partitions); });
}

base::Status Topics::AlterTopic(const std::string& name, const core::TopicChange& change) {
  return engine_.writer->Run(
      engine_.WriteDeadline(),
      [&](Connection& connection) -> base::Status {
        const auto topic = FindTopic(connection, name);
        if (!topic) return NoSuchTopic(name);
        core::TopicSpec spec = topic->spec;
        spec.config = ReadConfig(connection, topic->id);
        ASSIGN_OR_RETURN(spec, core::ChangedTopic(std::move(spec), change));
        AddPartitions(connection, topic->id, topic->spec.partitions, spec.partitions);
        WriteConfig(connection, topic->id, spec.config);
        return {};
      },
      [this, name, partitions = change.partitions] {
        if (partitions) groups_.AddTopic(name, *partitions);
      });
}

base::Status Topics::DeleteTopic(const std::string& name) {
  RETURN_IF_ERROR(engine_.writer->Run(
      engine_.WriteDeadline(),
      [&](Connection& connection) -> base::Status {
        const auto topic = FindTopic(connection, name);
        if (!topic) return NoSuchTopic(name);
        for (const char* sql :
             {"DELETE FROM log_topics WHERE id = ?1", "DELETE FROM log_partitions WHERE topic_id = ?1",
              "DELETE FROM log_topic_config WHERE topic_id = ?1", "DELETE FROM log_offsets WHERE topic_id = ?1"}) {
          connection.Run(sql, topic->id);
        }
        return {};
      },
      [this, name] { groups_.RemoveTopic(name); }));
  // From here on the topic is gone; what is left of it takes no part in anything.
  if (const auto removed = RemoveRecordsOfDeletedTopics(); !removed) return removed.error();
  return {};
}

base::Result<std::int64_t> Topics::EmptyTopic(const std::string& name) {
  struct Found {
    TopicRow topic;
    std::vector<std::int64_t> ends;  // by partition
  };
  ASSIGN_OR_RETURN(const Found found, engine_.readers->Read([&](Connection& connection) -> base::Result<Found> {
    const auto topic = FindTopic(connection, name);
    if (!topic) return NoSuchTopic(name);
    Found read{*topic, {}};
    for (std::int32_t partition = 0; partition < topic->spec.partitions; ++partition) {
      read.ends.push_back(FindWatermarks(connection, topic->id, partition).value_or(core::Watermarks()).high);
    }
    return read;
  }));
  std::int64_t removed = 0;
  for (std::int32_t partition = 0; partition < found.topic.spec.partitions; ++partition) {
    const std::int64_t end = found.ends[static_cast<std::size_t>(partition)];
    for (std::int64_t step = kMaxRemovedRows; step == kMaxRemovedRows; removed += step) {
      ASSIGN_OR_RETURN(step, engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) {
        return RemoveSome(connection, found.topic, partition, end);
      }));
    }
  }
  return removed;
}

base::Result<std::vector<core::TopicInfo>> Topics::ListTopics() {
  return engine_.readers->Read([](Connection& connection) -> base::Result<std::vector<core::TopicInfo>> {
    std::vector<core::TopicInfo> topics;
    for (const TopicRow& topic : ListTopicRows(connection)) {
      core::TopicInfo info{topic.spec, {}, topic.spec.replication};
      for (std::int32_t partition = 0; partition < info.spec.partitions; ++partition) {
        info.watermarks[partition] = FindWatermarks(connection, topic.id, partition).value_or(core::Watermarks());
      }
      topics.push_back(std::move(info));
    }
    return topics;
  });
}

base::Result<core::TopicDescription> Topics::DescribeTopic(const std::string& name) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<core::TopicDescription> {
    const auto topic = FindTopic(connection, name);
    if (!topic) return NoSuchTopic(name);
    core::TopicDescription description{topic->spec, {}};
    description.spec.config = ReadConfig(connection, topic->id);
    ASSIGN_OR_RETURN(const core::Retention retention, core::ParseRetention(description.spec.config));
    description.retention_ms = retention.age ? retention.age->count() : -1;
    for (std::int32_t partition = 0; partition < topic->spec.partitions; ++partition) {
      description.partitions[partition] = {
          FindWatermarks(connection, topic->id, partition).value_or(core::Watermarks()),
          kOnlyBroker,
          {kOnlyBroker},
          {kOnlyBroker}};
    }
    return description;
  });
}

base::Result<std::int64_t> Topics::TrimPartition(const TopicRow& topic, std::int32_t partition,
                                                 const core::Retention& retention, core::Timestamp now) {
  std::int64_t removed = 0;
  for (std::int64_t step = 1; step > 0; removed += step) {
    ASSIGN_OR_RETURN(
        step, engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Result<std::int64_t> {
          const std::int64_t first_unread =
              FirstUnread(connection, topic.id, partition, groups_.GroupsReading(topic.spec.name));
          return TrimSome(connection, topic.id, partition, first_unread, retention, now);
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
                     std::vector<TopicRow> rows = ListTopicRows(connection);
                     for (TopicRow& topic : rows) topic.spec.config = ReadConfig(connection, topic.id);
                     return rows;
                   }));
  std::int64_t removed = 0;
  for (const TopicRow& topic : topics) {
    ASSIGN_OR_RETURN(const core::Retention retention, core::ParseRetention(topic.spec.config));
    if (!retention.age && !retention.bytes) continue;
    for (std::int32_t partition = 0; partition < topic.spec.partitions; ++partition) {
      ASSIGN_OR_RETURN(const std::int64_t trimmed, TrimPartition(topic, partition, retention, now));
      removed += trimmed;
    }
  }
  ASSIGN_OR_RETURN(const std::int64_t left_over, RemoveRecordsOfDeletedTopics());
  return removed + left_over;
}

}  // namespace millrace::sqlite
