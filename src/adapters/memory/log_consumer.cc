#include <algorithm>
#include <iterator>
#include <utility>

#include "adapters/memory/log_state.h"
#include "base/log.h"

namespace millrace::memory {
namespace {

using Partitions = std::vector<core::TopicPartition>;

/// Where to read on in one partition.
struct Reading {
  std::int64_t incarnation = 0;  // of its topic
  std::int64_t next = 0;
};

class Consumer : public core::LogConsumer {
 public:
  Consumer(std::shared_ptr<LogState> state, std::string group)
      : state_(std::move(state)), group_name_(std::move(group)) {}
  ~Consumer() override { Consumer::Close(); }

  base::Status Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) override {
    if (group_name_.empty()) return {base::Code::kInvalidArgument, "A consumer without a group cannot subscribe."};
    Close();
    std::lock_guard lock(state_->mutex);
    topics_ = topics;
    listener_ = std::move(listener);
    Join(state_->groups[group_name_]);
    return {};
  }

  base::Status Assign(const std::vector<core::Position>& from) override {
    Close();
    std::lock_guard lock(state_->mutex);
    std::map<core::TopicPartition, Reading> readings;
    for (const auto& position : from) {
      const core::TopicPartition partition{position.topic, position.partition};
      if (state_->Find(partition) == nullptr) {
        return {base::Code::kNotFound, "There is no partition " + Name(partition) + "."};
      }
      readings[partition] = {state_->topics.at(position.topic).incarnation, position.offset};
    }
    readings_ = std::move(readings);
    return {};
  }

  base::Result<std::vector<core::LogRecord>> Poll(std::size_t max, base::Deadline deadline) override {
    std::unique_lock lock(state_->mutex);
    while (true) {
      if (member_id_ != 0) FollowGroup(lock);
      std::vector<core::LogRecord> records = Fetch(max);
      if (!records.empty() || deadline.expired()) {
        if (member_id_ != 0) Leave();
        return records;
      }
      Wait(lock, deadline);
    }
  }

  base::Status Commit(const std::map<core::TopicPartition, std::int64_t>& next_offsets) override {
    if (group_name_.empty()) return {base::Code::kInvalidArgument, "A consumer without a group cannot commit."};
    std::lock_guard lock(state_->mutex);
    const auto group = state_->groups.find(group_name_);
    const LogMember* member = group == state_->groups.end() ? nullptr : FindMember(group->second);
    for (const auto& [partition, offset] : next_offsets) {
      if (member == nullptr || !member->owned.contains(partition)) {
        return {base::Code::kConflict, "The partition " + Name(partition) + " is no longer this member's."};
      }
    }
    for (const auto& [partition, offset] : next_offsets) group->second.committed[partition] = offset;
    return {};
  }

  void Close() override {
    std::lock_guard lock(state_->mutex);
    readings_.clear();
    if (member_id_ == 0) return;
    const auto group = state_->groups.find(group_name_);
    const auto id = std::exchange(member_id_, 0);
    if (group != state_->groups.end() && group->second.members.erase(id) > 0) state_->Rebalance(group->second);
  }

 private:
  static std::string Name(const core::TopicPartition& partition) {
    return partition.topic + "/" + std::to_string(partition.partition);
  }

  LogMember* FindMember(LogGroup& group) const {
    const auto member = group.members.find(member_id_);
    return member == group.members.end() ? nullptr : &member->second;
  }

  void Join(LogGroup& group) {
    member_id_ = ++state_->last_member;
    LogMember& member = group.members[member_id_];
    member.topics = topics_;
    member.last_poll = std::chrono::steady_clock::now();
    state_->Rebalance(group);
  }

  /// Brings what this member owns to what the group wants it to own. The listener is called without the lock.
  void FollowGroup(std::unique_lock<std::mutex>& lock) {
    LogGroup& group = state_->groups[group_name_];
    if (FindMember(group) == nullptr) {  // was silent for too long: all it had is another's now
      const Partitions lost = Held();
      readings_.clear();
      Join(group);
      FindMember(group)->polling = true;
      Tell(lock, listener_.revoked, lost);
    }
    FindMember(group)->polling = true;
    state_->ExpelSilent(group);
    const LogMember* member = FindMember(group);
    Partitions lost;
    std::set_difference(member->owned.begin(), member->owned.end(), member->target.begin(), member->target.end(),
                        std::back_inserter(lost));
    Tell(lock, listener_.revoked, lost);
    LogMember* self = FindMember(group);
    for (const auto& partition : lost) {
      self->owned.erase(partition);
      readings_.erase(partition);
    }
    if (!lost.empty()) state_->changed.notify_all();
    Partitions gained;
    for (const auto& partition : self->target) {
      if (state_->Find(partition) == nullptr || group.IsOwned(partition)) continue;
      const auto committed = group.committed.find(partition);
      readings_[partition] = {state_->topics.at(partition.topic).incarnation,
                              committed == group.committed.end() ? state_->Find(partition)->low : committed->second};
      self->owned.insert(partition);
      gained.push_back(partition);
    }
    Tell(lock, listener_.assigned, gained);
  }

  void Leave() {
    LogMember* member = FindMember(state_->groups[group_name_]);
    member->polling = false;
    member->last_poll = std::chrono::steady_clock::now();
  }

  Partitions Held() const {
    Partitions held;
    for (const auto& [partition, reading] : readings_) held.push_back(partition);
    return held;
  }

  void Tell(std::unique_lock<std::mutex>& lock, const std::function<void(const Partitions&)>& callback,
            const Partitions& partitions) {
    if (partitions.empty() || !callback) return;
    lock.unlock();
    callback(partitions);
    lock.lock();
  }

  /// Up to `max` records, beginning with another partition each time so that none starves.
  std::vector<core::LogRecord> Fetch(std::size_t max) {
    std::vector<core::LogRecord> records;
    if (readings_.empty()) return records;
    auto it = readings_.upper_bound(last_read_);
    for (std::size_t visited = 0; visited < readings_.size() && records.size() < max; ++visited, ++it) {
      if (it == readings_.end()) it = readings_.begin();
      auto& [partition, reading] = *it;
      const LogPartition* source = state_->Find(partition);
      if (source == nullptr) continue;
      const auto incarnation = state_->topics.at(partition.topic).incarnation;
      if (reading.incarnation != incarnation || reading.next < source->low || reading.next > source->high()) {
        base::LogError("Offset {} of {} is out of range ({} to {}): reading from the earliest record", reading.next,
                       Name(partition), source->low, source->high());
        reading = {incarnation, source->low};
      }
      for (; reading.next < source->high() && records.size() < max; ++reading.next) {
        records.push_back(source->records[static_cast<std::size_t>(reading.next - source->low)]);
        last_read_ = partition;
      }
    }
    return records;
  }

  /// Until something changed or the deadline; no longer than a silent member may keep its partitions.
  void Wait(std::unique_lock<std::mutex>& lock, base::Deadline deadline) {
    const auto until = member_id_ == 0 ? deadline : deadline.EarlierOf(base::Deadline::After(state_->member_silence));
    state_->changed.wait_until(lock, until.when());
  }

  const std::shared_ptr<LogState> state_;
  const std::string group_name_;
  std::vector<std::string> topics_;
  RebalanceListener listener_;
  std::int64_t member_id_ = 0;  // 0: in no group
  std::map<core::TopicPartition, Reading> readings_;
  core::TopicPartition last_read_;
};

}  // namespace

std::unique_ptr<core::LogConsumer> MakeLogConsumer(std::shared_ptr<LogState> state, std::string group) {
  return std::make_unique<Consumer>(std::move(state), std::move(group));
}

}  // namespace millrace::memory
