#include "adapters/sqlite/log_consumer.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/sqlite/log_rows.h"
#include "base/log.h"

namespace millrace::sqlite {
namespace {

constexpr std::size_t kMaxFetchBytes = 32 << 20;

base::Error NoSuchPartition(const core::TopicPartition& partition) {
  return {base::Code::kNotFound,
          fmt::format("there is no partition {} of topic {}", partition.partition, partition.topic),
          {}};
}

}  // namespace

base::Status Consumer::Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) {
  if (group_.empty()) return {base::Code::kInvalidArgument, "a consumer without a group cannot subscribe"};
  Leave();
  ASSIGN_OR_RETURN(member_, groups_.Join(group_, topics));
  topics_ = topics;
  listener_ = std::move(listener);
  return {};
}

base::Status Consumer::Assign(const std::vector<core::Position>& from) {
  Leave();
  ASSIGN_OR_RETURN(cursors_, engine_.readers->Read([&](Connection& connection) -> base::Result<Cursors> {
    Cursors cursors;
    for (const core::Position& position : from) {
      const core::TopicPartition partition{position.topic, position.partition};
      const auto topic = FindTopic(connection, position.topic);
      if (!topic || !FindWatermarks(connection, topic->id, position.partition)) return NoSuchPartition(partition);
      cursors[partition] = {topic->id, position.offset};
    }
    return cursors;
  }));
  return {};
}

void Consumer::Leave() {
  if (member_) groups_.Leave(group_, *member_);
  member_.reset();
  cursors_.clear();
}

/// Where the group has come to, or the earliest record.
base::Status Consumer::Start(const std::vector<core::TopicPartition>& partitions) {
  ASSIGN_OR_RETURN(Cursors started, engine_.readers->Read([&](Connection& connection) -> base::Result<Cursors> {
    Cursors cursors;
    for (const core::TopicPartition& partition : partitions) {
      const auto topic = FindTopic(connection, partition.topic);
      const auto marks = topic ? FindWatermarks(connection, topic->id, partition.partition) : std::nullopt;
      if (!marks) continue;  // deleted meanwhile: the next review takes it away again
      const auto committed = FindCommitted(connection, group_, topic->id, partition.partition);
      cursors[partition] = {topic->id, committed.value_or(marks->low)};
    }
    return cursors;
  }));
  cursors_.merge(started);
  return {};
}

base::Status Consumer::FollowGroup() {
  while (true) {
    const Groups::Change change = groups_.Review(group_, *member_);
    std::vector<core::TopicPartition> revoked = change.revoked;
    if (change.expelled) {
      std::transform(cursors_.begin(), cursors_.end(), std::back_inserter(revoked),
                     [](const auto& cursor) { return cursor.first; });
    }
    if (!revoked.empty()) {
      if (listener_.revoked) listener_.revoked(revoked);
      for (const core::TopicPartition& partition : revoked) cursors_.erase(partition);
      groups_.Released(group_, *member_, revoked);
    }
    if (change.expelled) {
      ASSIGN_OR_RETURN(member_, groups_.Join(group_, topics_));
    }
    if (!change.assigned.empty()) {
      if (base::Status status = Start(change.assigned); !status) {
        groups_.Released(group_, *member_, change.assigned);  // and gets them again in the next Poll
        return std::move(status).error();
      }
      if (listener_.assigned) listener_.assigned(change.assigned);
    }
    if (revoked.empty() && !change.expelled) return {};
  }
}

base::Result<std::vector<core::LogRecord>> Consumer::Fetch(std::size_t max) {
  Cursors moved = cursors_;
  core::TopicPartition last = last_fetched_;
  auto fetched = engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::LogRecord>> {
    std::vector<core::LogRecord> records;
    std::size_t bytes = 0;
    auto cursor = moved.upper_bound(last);
    for (std::size_t seen = 0; seen < moved.size() && records.size() < max && bytes < kMaxFetchBytes;
         ++seen, ++cursor) {
      if (cursor == moved.end()) cursor = moved.begin();
      auto& [partition, at] = *cursor;
      const auto topic = FindTopic(connection, partition.topic);
      const auto marks = topic ? FindWatermarks(connection, topic->id, partition.partition) : std::nullopt;
      if (!marks) continue;
      if (at.topic_id != topic->id || at.next < marks->low || at.next > marks->high) {
        base::LogError("offset {} of {}-{} is out of range ({} to {}); reading goes on from the earliest record",
                       at.next, partition.topic, partition.partition, marks->low, marks->high);
        at = {topic->id, marks->low};
      }
      auto read =
          ReadRecords(connection, *topic, partition.partition, at.next, max - records.size(), kMaxFetchBytes - bytes);
      if (read.empty()) continue;
      at.next = read.back().position.offset + 1;
      last = partition;
      for (core::LogRecord& record : read) {
        bytes += SizeOf(record);
        records.push_back(std::move(record));
      }
    }
    return records;
  });
  if (fetched) {
    cursors_ = std::move(moved);
    last_fetched_ = last;
  }
  return fetched;
}

base::Result<std::vector<core::LogRecord>> Consumer::Poll(std::size_t max, base::Deadline deadline) {
  auto records = FollowAndFetch(max, deadline);
  if (member_) groups_.LeavePoll(group_, *member_);
  return records;
}

base::Result<std::vector<core::LogRecord>> Consumer::FollowAndFetch(std::size_t max, base::Deadline deadline) {
  while (true) {
    const std::uint64_t seen = signal_.count();
    if (member_) RETURN_IF_ERROR(FollowGroup());
    ASSIGN_OR_RETURN(std::vector<core::LogRecord> records, Fetch(max));
    if (!records.empty() || deadline.expired()) return records;
    // A member looks up now and then, for others that fell silent.
    signal_.WaitPast(seen,
                     member_ ? deadline.EarlierOf(base::Deadline::After(engine_.options.member_silence)) : deadline);
  }
}

base::Status Consumer::Commit(const std::map<core::TopicPartition, std::int64_t>& next_offsets) {
  if (!member_) return {base::Code::kConflict, "the consumer is no member of a group"};
  // On the writer's thread, so that a commit that was overtaken by a rebalance cannot undo the next member's.
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    for (const auto& [partition, next] : next_offsets) {
      if (!groups_.Holds(group_, *member_, partition)) {
        return {base::Code::kConflict, fmt::format("{}-{} is not this member's", partition.topic, partition.partition)};
      }
      const auto topic = FindTopic(connection, partition.topic);
      const auto marks = topic ? FindWatermarks(connection, topic->id, partition.partition) : std::nullopt;
      if (!marks) return NoSuchPartition(partition);
      if (next < 0 || next > marks->high) {
        return {base::Code::kInvalidArgument, fmt::format("offset {} of {}-{} is beyond its end {}", next,
                                                          partition.topic, partition.partition, marks->high)};
      }
      connection.Run(R"sql(
          INSERT OR REPLACE INTO log_offsets(group_name, topic_id, partition, next_offset) VALUES (?1, ?2, ?3, ?4))sql",
                     group_, topic->id, partition.partition, next);
    }
    return {};
  });
}

}  // namespace millrace::sqlite
