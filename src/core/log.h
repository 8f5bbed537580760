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
inline constexpr char kDeadLettersTopic[] = "document-uploads-dlt";
inline constexpr char kEventsTopic[] = "document-events";
inline constexpr char kAnalyticsTopic[] = "search-analytics";
inline constexpr char kWebhookRetriesTopic[] = "millrace-webhook-retries";  // events that were dead letters
inline constexpr char kWorkersGroup[] = "embedding-workers";
inline constexpr char kWebhooksGroup[] = "millrace-webhooks";

struct RecordHeader {
  std::string name, value;

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
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
  /// logged, then reading goes on from the earliest record. `max` 0 takes nothing but keeps the member in its group and
  /// serves rebalances: whoever has no room for records calls it instead of not polling. kConflict: shut out for good.
  virtual base::Result<std::vector<LogRecord>> Poll(std::size_t max, base::Deadline deadline) = 0;

  /// Commits next offsets to read; kConflict when the member's generation is stale or the partition is not its own.
  virtual base::Status Commit(const std::map<TopicPartition, std::int64_t>& next_offsets) = 0;

  /// Leaves the group.
  virtual void Close() = 0;
};

inline constexpr std::int16_t kBrokersReplication = -1;  // as many replicas as the brokers are set to make

struct TopicSpec {
  std::string name;
  std::int32_t partitions = 3;
  std::int16_t replication = 1;  // or kBrokersReplication
  std::map<std::string, std::string>
      config;  // Kafka's names and values, e.g. `retention.ms` = `86400000`; -1: for ever
};

struct TopicInfo {
  TopicSpec spec;  // without config
  std::map<std::int32_t, Watermarks> watermarks;
  std::int32_t in_sync = 1;  // replicas in sync, of the partition that has fewest
};

struct PartitionInfo {
  Watermarks marks;
  std::int32_t leader = -1;  // a broker's id; -1: none at the moment
  std::vector<std::int32_t> replicas, in_sync;
};

struct TopicDescription {
  TopicSpec spec;  // config: what differs from the broker's defaults
  std::map<std::int32_t, PartitionInfo> partitions;
  std::optional<std::int64_t> retention_ms = {};  // in force, wherever it is set; -1: for ever; none: not known
};

struct TopicChange {
  std::optional<std::int32_t> partitions;                    // more than now
  std::map<std::string, std::optional<std::string>> config;  // no value: back to the default
};

/// Thread-safe. Names that are not Kafka's ([a-zA-Z0-9._-], at most 249) and values out of range: kInvalidArgument.
class LogAdmin {
 public:
  virtual ~LogAdmin() = default;

  virtual base::Status CreateTopic(const TopicSpec& spec) = 0;  // kConflict when it exists
  virtual base::Status DeleteTopic(const std::string& name) = 0;

  /// Removes the records that are there when it is called, whether groups have read them or not; offsets go on from
  /// there, and groups keep theirs. How many went. After an error some may have gone: calling again removes the rest.
  /// kConflict: a compacted topic, whose records Kafka does not let go.
  virtual base::Result<std::int64_t> EmptyTopic(const std::string& name) = 0;

  virtual base::Status AlterTopic(const std::string& name, const TopicChange& change) = 0;
  virtual base::Result<std::vector<TopicInfo>> ListTopics() = 0;  // ascending name
  virtual base::Result<TopicDescription> DescribeTopic(const std::string& name) = 0;

  /// Removes records beyond their topic's retention, never past a group's committed offset. How many went. (Kafka's
  /// brokers do this by themselves.)
  virtual base::Result<std::int64_t> ApplyRetention(Timestamp now) = 0;
};

struct GroupMember {
  std::string id, client, host;
  std::vector<TopicPartition> partitions;
};

struct GroupSummary {
  std::string name;
  std::string state;  // Kafka's: `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead`
};

struct GroupInfo {
  std::string name;
  std::string state;
  std::vector<GroupMember> members;
  std::map<TopicPartition, std::int64_t> committed;  // next offset to read; partitions without a commit are absent
};

/// Consumer groups. Thread-safe. An unknown group is kNotFound.
class GroupAdmin {
 public:
  virtual ~GroupAdmin() = default;

  virtual base::Result<std::vector<GroupSummary>> ListGroups() = 0;  // ascending name, empty ones too
  virtual base::Result<GroupInfo> DescribeGroup(const std::string& name) = 0;

  /// Sets next offsets to read; makes the group if there is none. kConflict while it has members.
  virtual base::Status ResetOffsets(const std::string& name, const std::map<TopicPartition, std::int64_t>& next) = 0;
  virtual base::Status DeleteGroup(const std::string& name) = 0;  // kConflict while it has members

  /// Of each partition the offset of the first record at or after `time`; its end when there is none.
  virtual base::Result<std::map<std::int32_t, std::int64_t>> OffsetsAt(const std::string& topic, Timestamp time) = 0;
};

/// Kafka's `murmur2` of the Java client, so that every client places a key on the same partition.
std::uint32_t Murmur2(std::string_view bytes);
std::int32_t PartitionForKey(std::string_view key, std::int32_t partitions);

}  // namespace millrace::core
