#include "adapters/sqlite/log_rows.h"

#include <utility>

#include "core/record_headers.h"

namespace millrace::sqlite {
namespace {

constexpr std::string_view kSelectTopics = R"sql(
    SELECT id, name, replication, (SELECT count(*) FROM log_partitions p WHERE p.topic_id = t.id)
    FROM log_topics AS t)sql";

TopicRow ReadTopic(const Statement& row) {
  TopicRow topic;
  topic.id = row.Int(0);
  topic.spec.name = row.Text(1);
  topic.spec.replication = static_cast<std::int16_t>(row.Int(2));
  topic.spec.partitions = static_cast<std::int32_t>(row.Int(3));
  return topic;
}

}  // namespace

std::optional<TopicRow> FindTopic(Connection& connection, std::string_view name) {
  Statement select(connection, std::string(kSelectTopics) + " WHERE name = ?1");
  if (!select.Bind(name).Step()) return std::nullopt;
  return ReadTopic(select);
}

std::vector<TopicRow> ListTopicRows(Connection& connection) {
  Statement select(connection, std::string(kSelectTopics) + " ORDER BY name");
  std::vector<TopicRow> topics;
  while (select.Step()) topics.push_back(ReadTopic(select));
  return topics;
}

std::map<std::string, std::string> ReadConfig(Connection& connection, std::int64_t topic_id) {
  Statement select(connection, "SELECT name, value FROM log_topic_config WHERE topic_id = ?1");
  select.Bind(topic_id);
  std::map<std::string, std::string> config;
  while (select.Step()) config[select.Text(0)] = select.Text(1);
  return config;
}

std::optional<core::Watermarks> FindWatermarks(Connection& connection, std::int64_t topic_id, std::int32_t partition) {
  Statement select(connection, "SELECT low, high FROM log_partitions WHERE topic_id = ?1 AND partition = ?2");
  if (!select.Bind(topic_id, partition).Step()) return std::nullopt;
  return core::Watermarks{select.Int(0), select.Int(1)};
}

std::int64_t AppendRecord(Connection& connection, std::int64_t topic_id, std::int32_t partition,
                          const core::LogRecord& record) {
  const std::int64_t offset =
      connection
          .Int("UPDATE log_partitions SET high = high + 1 WHERE topic_id = ?1 AND partition = ?2 RETURNING high - 1",
               topic_id, partition)
          .value();
  const core::Timestamp timestamp = record.timestamp == core::Timestamp() ? core::Now() : record.timestamp;
  const std::string headers = core::EncodeHeaders(record.headers);
  connection.Run(R"sql(
      INSERT INTO log_records(topic_id, partition, offset, timestamp, key, headers, value)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7))sql",
                 topic_id, partition, offset, timestamp, AsBlob(record.key),
                 headers.empty() ? std::nullopt : std::optional(Blob{headers}), AsBlob(record.value));
  return offset;
}

std::vector<core::LogRecord> ReadRecords(Connection& connection, const TopicRow& topic, std::int32_t partition,
                                         std::int64_t first, std::size_t max, std::size_t max_bytes) {
  Statement select(connection, R"sql(
      SELECT offset, timestamp, key, headers, value FROM log_records
      WHERE topic_id = ?1 AND partition = ?2 AND offset >= ?3 ORDER BY offset LIMIT ?4)sql");
  select.Bind(topic.id, partition, first, max);
  std::vector<core::LogRecord> records;
  for (std::size_t bytes = 0; bytes < max_bytes && select.Step(); bytes += SizeOf(records.back())) {
    core::LogRecord record;
    record.position = {topic.spec.name, partition, select.Int(0)};
    record.timestamp = select.Time(1);
    record.key = select.OptionalText(2);
    record.headers = ReadHeaders(select, 3);
    record.value = select.OptionalText(4);
    records.push_back(std::move(record));
  }
  return records;
}

std::vector<core::RecordHeader> ReadHeaders(const Statement& row, int column) {
  auto headers = core::DecodeHeaders(row.View(column));
  if (!headers) throw Failure(headers.error());
  return std::move(*headers);
}

std::size_t SizeOf(const core::LogRecord& record) {
  std::size_t bytes = 64 + (record.key ? record.key->size() : 0) + (record.value ? record.value->size() : 0);
  for (const auto& [name, value] : record.headers) bytes += name.size() + value.size();
  return bytes;
}

std::optional<std::int64_t> FindCommitted(Connection& connection, const std::string& group, std::int64_t topic_id,
                                          std::int32_t partition) {
  return connection.Int(
      "SELECT next_offset FROM log_offsets WHERE group_name = ?1 AND topic_id = ?2 AND partition = ?3", group, topic_id,
      partition);
}

}  // namespace millrace::sqlite
