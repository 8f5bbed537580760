#include "adapters/sqlite/log_groups.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"

namespace millrace::sqlite {

void Groups::AddTopic(const std::string& name, std::int32_t partitions) {
  std::lock_guard lock(mutex_);
  topics_[name] = partitions;
  RebalanceReadersOf(name);
}

void Groups::RemoveTopic(const std::string& name) {
  std::lock_guard lock(mutex_);
  topics_.erase(name);
  RebalanceReadersOf(name);
}

void Groups::RebalanceReadersOf(const std::string& topic) {
  for (auto& [name, group] : groups_) {
    const bool reads = std::any_of(group.members.begin(), group.members.end(), [&](const auto& member) {
      return std::count(member.second.topics.begin(), member.second.topics.end(), topic) > 0;
    });
    if (reads) Rebalance(group);
  }
  signal_.Raise();
}

/// Kafka's range assignment: of each topic every subscriber, in the order of joining, gets a run of partitions.
void Groups::Rebalance(Group& group) {
  for (auto& [id, member] : group.members) member.target.clear();
  for (const auto& [topic, partitions] : topics_) {
    std::vector<MemberState*> readers;
    for (auto& [id, member] : group.members) {
      if (std::count(member.topics.begin(), member.topics.end(), topic) > 0) readers.push_back(&member);
    }
    const auto count = static_cast<std::int32_t>(readers.size());
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < count; ++i) {
      const std::int32_t end = next + partitions / count + (i < partitions % count ? 1 : 0);
      for (; next < end; ++next) readers[static_cast<std::size_t>(i)]->target.insert({topic, next});
    }
  }
}

base::Result<Groups::Member> Groups::Join(const std::string& group, const std::vector<std::string>& topics) {
  Member member = 0;
  {
    std::lock_guard lock(mutex_);
    Group& joined = groups_[group];
    member = ++last_member_;
    joined.members[member] = {topics, {}, {}, false, Clock::now()};
    Rebalance(joined);
  }
  signal_.Raise();
  // Behind every reset and removal that did not see this member: what it reads from now on is what they left.
  base::Status stored = engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    connection.Run("INSERT OR IGNORE INTO log_groups(name) VALUES (?1)", group);
    return {};
  });
  if (!stored) {
    Leave(group, member);
    return std::move(stored).error();
  }
  return member;
}

void Groups::Leave(const std::string& group, Member member) {
  {
    std::lock_guard lock(mutex_);
    Group& left = groups_[group];
    if (left.members.erase(member) == 0) return;
    Rebalance(left);
  }
  signal_.Raise();
}

Groups::MemberState* Groups::Find(const std::string& group, Member member) {
  auto& members = groups_[group].members;
  const auto found = members.find(member);
  return found == members.end() ? nullptr : &found->second;
}

/// True when a member went.
bool Groups::ExpelSilent(Group& group) {
  const auto expelled = std::erase_if(group.members, [&](const auto& entry) {
    return !entry.second.polling && Clock::now() - entry.second.seen > engine_.options.member_silence;
  });
  if (expelled > 0) Rebalance(group);
  return expelled > 0;
}

Groups::Change Groups::Review(const std::string& name, Member id) {
  Change change;
  bool expelled_others = false;
  {
    std::lock_guard lock(mutex_);
    MemberState* member = Find(name, id);
    if (member == nullptr) {
      change.expelled = true;
      return change;
    }
    member->polling = true;
    Group& group = groups_[name];
    expelled_others = ExpelSilent(group);
    std::set_difference(member->held.begin(), member->held.end(), member->target.begin(), member->target.end(),
                        std::back_inserter(change.revoked));
    if (change.revoked.empty()) {
      for (const core::TopicPartition& partition : member->target) {
        const bool held = std::any_of(group.members.begin(), group.members.end(),
                                      [&](const auto& entry) { return entry.second.held.count(partition) > 0; });
        if (!held) change.assigned.push_back(partition);
      }
      member->held.insert(change.assigned.begin(), change.assigned.end());
    }
  }
  if (expelled_others) {
    base::LogWarning("group {}: a member that did not poll lost its partitions", name);
    signal_.Raise();
  }
  return change;
}

void Groups::LeavePoll(const std::string& group, Member member) {
  std::lock_guard lock(mutex_);
  if (MemberState* state = Find(group, member)) {
    state->polling = false;
    state->seen = Clock::now();
  }
}

void Groups::Released(const std::string& group, Member member, const std::vector<core::TopicPartition>& partitions) {
  {
    std::lock_guard lock(mutex_);
    MemberState* state = Find(group, member);
    if (state == nullptr) return;
    for (const core::TopicPartition& partition : partitions) state->held.erase(partition);
  }
  signal_.Raise();
}

bool Groups::Holds(const std::string& group, Member member, const core::TopicPartition& partition) const {
  std::lock_guard lock(mutex_);
  const auto found = groups_.find(group);
  if (found == groups_.end()) return false;
  const auto entry = found->second.members.find(member);
  return entry != found->second.members.end() && entry->second.held.count(partition) > 0;
}

Groups::Shape Groups::Describe(const std::string& name) {
  Shape shape;
  std::lock_guard lock(mutex_);
  const auto found = groups_.find(name);
  if (found == groups_.end()) return shape;
  if (ExpelSilent(found->second)) signal_.Raise();
  for (const auto& [id, member] : found->second.members) {
    shape.members.push_back(
        {fmt::format("{}-{}", name, id), "millrace", "localhost", {member.held.begin(), member.held.end()}});
    shape.settled &= member.held == member.target;
  }
  return shape;
}

std::set<std::string> Groups::GroupsReading(const std::string& topic) const {
  std::lock_guard lock(mutex_);
  std::set<std::string> reading;
  for (const auto& [name, group] : groups_) {
    for (const auto& [id, member] : group.members) {
      if (std::count(member.topics.begin(), member.topics.end(), topic) > 0) reading.insert(name);
    }
  }
  return reading;
}

}  // namespace millrace::sqlite
