#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "core/log.h"

/// The rows of the log: topics, partitions, records, committed offsets.
namespace millrace::sqlite {

struct TopicRow {
  std::int64_t id = 0;   // another one when a topic is made anew under the same name
  core::TopicSpec spec;  // without config
};

std::optional<TopicRow> FindTopic(Connection& connection, std::string_view name);
std::vector<TopicRow> ListTopicRows(Connection& connection);
std::map<std::string, std::string> ReadConfig(Connection& connection, std::int64_t topic_id);

std::optional<core::Watermarks> FindWatermarks(Connection& connection, std::int64_t topic_id, std::int32_t partition);

/// Writes `record` at the end of `partition`; its offset. REQUIRES: the partition exists.
std::int64_t AppendRecord(Connection& connection, std::int64_t topic_id, std::int32_t partition,
                          const core::LogRecord& record);

/// Records from `first` on, until `max` of them or about `max_bytes`; at least one when there is one.
std::vector<core::LogRecord> ReadRecords(Connection& connection, const TopicRow& topic, std::int32_t partition,
                                         std::int64_t first, std::size_t max, std::size_t max_bytes);

/// A column that core::EncodeHeaders wrote; NULL: none.
std::vector<core::RecordHeader> ReadHeaders(const Statement& row, int column);

/// How much of the read bounds a record takes.
std::size_t SizeOf(const core::LogRecord& record);

std::optional<std::int64_t> FindCommitted(Connection& connection, const std::string& group, std::int64_t topic_id,
                                          std::int32_t partition);

}  // namespace millrace::sqlite
