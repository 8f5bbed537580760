#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "core/log.h"

namespace millrace::ingest {

/// Knows which records of each partition are still being worked on, and from that the offset up to which everything is
/// done: the only one that may be committed. Not thread-safe.
class OffsetTracker {
 public:
  /// The partition is ours from now on; completions of an earlier epoch no longer count.
  void Assign(const core::TopicPartition& partition) {
    partitions_[partition] = Partition();
    partitions_[partition].epoch = ++last_epoch_;
  }
  void Revoke(const core::TopicPartition& partition) { partitions_.erase(partition); }

  std::vector<core::TopicPartition> partitions() const {
    std::vector<core::TopicPartition> ours;
    for (const auto& [partition, entry] : partitions_) ours.push_back(partition);
    return ours;
  }

  /// Notes a record as begun; the epoch to hand to Done(). 0 when the partition is not ours. Offsets that go back are
  /// those of a topic that was deleted and made anew while we kept the partition: what we knew is of the old one.
  std::uint64_t Begin(const core::Position& position) {
    const core::TopicPartition partition{position.topic, position.partition};
    const auto found = partitions_.find(partition);
    if (found == partitions_.end()) return 0;
    Partition& entry = found->second;
    if (position.offset < entry.next) Assign(partition);
    entry.open.insert(position.offset);
    entry.next = position.offset + 1;
    entry.read_any = true;
    return entry.epoch;
  }

  void Done(const core::Position& position, std::uint64_t epoch) {
    const auto found = partitions_.find({position.topic, position.partition});
    if (found == partitions_.end() || found->second.epoch != epoch) return;
    found->second.open.erase(position.offset);
  }

  /// Next offsets to read, of partitions whose low-water mark moved since the last Committed().
  std::map<core::TopicPartition, std::int64_t> Committable() const {
    std::map<core::TopicPartition, std::int64_t> offsets;
    for (const auto& [partition, entry] : partitions_) {
      if (!entry.read_any) continue;
      const std::int64_t low_water = entry.open.empty() ? entry.next : *entry.open.begin();
      if (low_water > entry.committed) offsets[partition] = low_water;
    }
    return offsets;
  }

  void Committed(const std::map<core::TopicPartition, std::int64_t>& offsets) {
    for (const auto& [partition, offset] : offsets) {
      if (const auto found = partitions_.find(partition); found != partitions_.end()) found->second.committed = offset;
    }
  }

 private:
  struct Partition {
    std::uint64_t epoch = 0;
    std::set<std::int64_t> open;
    std::int64_t next = 0;       // one beyond the highest record begun
    std::int64_t committed = 0;  // the first record of an untouched partition is at 0: nothing to commit yet
    bool read_any = false;
  };

  std::map<core::TopicPartition, Partition> partitions_;
  std::uint64_t last_epoch_ = 0;
};

}  // namespace millrace::ingest
