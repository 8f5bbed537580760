#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

inline constexpr char kUploadsTopic[] = "document-uploads";
inline constexpr char kEventsTopic[] = "document-events";
inline constexpr char kAnalyticsTopic[] = "search-analytics";
inline constexpr char kWorkersGroup[] = "embedding-workers";

struct RecordHeader {
  std::string name, value;
};

/// A record as Kafka knows it.
struct LogRecord {
  Position position;  // partition -1 when produced: chosen by PartitionFor
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<RecordHeader> headers;
  Timestamp timestamp;
};

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

/// Log start (first offset kept) and end (next offset to be written).
struct Watermarks {
  std::int64_t low = 0, high = 0;
};

/// Thread-safe. Records of one call to one partition keep their order.
class LogProducer {
 public:
  virtual ~LogProducer() = default;

  /// Durable when it returns. One result per record: its position, or why it was not written (kNotFound: no such
  /// topic).
  virtual base::Result<std::vector<base::Result<Position>>> Produce(std::vector<LogRecord> records,
                                                                    base::Deadline deadline) = 0;
};

/// One member of a group, or a reader without one. Poll, Commit and Close from one thread.
class LogConsumer {
 public:
  virtual ~LogConsumer() = default;

  /// Called inside Poll when partitions come and go. On revoke the caller drains and commits before it returns.
  struct RebalanceListener {
    std::function<void(const std::vector<TopicPartition>&)> assigned;
    std::function<void(const std::vector<TopicPartition>&)> revoked;
  };

  /// Joins the consumer's group; a group without offsets starts at the earliest record.
  virtual base::Status Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) = 0;

  /// Reads these partitions from these offsets, without a group.
  virtual base::Status Assign(const std::vector<Position>& from) = 0;

  /// Up to `max` records, in offset order per partition; empty when the deadline passed. An offset out of range is
  /// logged, then reading goes on from the earliest record.
  virtual base::Result<std::vector<LogRecord>> Poll(std::size_t max, base::Deadline deadline) = 0;

  /// Commits next offsets to read; kConflict when the member's generation is stale or the partition is not its own.
  virtual base::Status Commit(const std::map<TopicPartition, std::int64_t>& next_offsets) = 0;

  /// Leaves the group.
  virtual void Close() = 0;
};

struct TopicSpec {
  std::string name;
  std::int32_t partitions = 3;
  std::int16_t replication = 1;
  std::optional<std::chrono::milliseconds> retention;  // none: for ever
};

struct TopicInfo {
  TopicSpec spec;
  std::map<std::int32_t, Watermarks> watermarks;
};

struct GroupInfo {
  std::string group;
  std::int64_t generation = 0;
  std::int32_t members = 0;
  std::map<TopicPartition, std::int64_t> committed;  // next offset to read
};

/// Thread-safe.
class LogAdmin {
 public:
  virtual ~LogAdmin() = default;

  virtual base::Status CreateTopic(const TopicSpec& spec) = 0;  // kConflict when it exists
  virtual base::Status DeleteTopic(const std::string& name) = 0;
  virtual base::Result<std::vector<TopicInfo>> ListTopics() = 0;
  virtual base::Result<std::vector<GroupInfo>> ListGroups() = 0;

  /// Removes records beyond their topic's retention, never past a group's committed offset. How many went.
  virtual base::Result<std::int64_t> ApplyRetention(Timestamp now) = 0;
};

/// Kafka's `murmur2` of the Java client, so that every client places a key on the same partition.
std::uint32_t Murmur2(std::string_view bytes);
std::int32_t PartitionForKey(std::string_view key, std::int32_t partitions);

}  // namespace millrace::core
