#include "adapters/sqlite/log_groups.h"

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
  ++group.generation;
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
  const auto stored = engine_.readers->Read([&](Connection& connection) -> base::Result<std::int64_t> {
    return connection.Int("SELECT generation FROM log_groups WHERE name = ?1", group).value_or(0);
  });
  if (!stored) return stored.error();
  Member member = 0;
  std::int64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    Group& joined = groups_[group];
    joined.generation = std::max(joined.generation, *stored);
    member = ++last_member_;
    joined.members[member] = {topics, {}, {}, false, Clock::now()};
    Rebalance(joined);
    generation = joined.generation;
  }
  signal_.Raise();
  if (base::Status status = StoreGeneration(group, generation); !status) {
    Leave(group, member);
    return std::move(status).error();
  }
  return member;
}

void Groups::Leave(const std::string& group, Member member) {
  std::int64_t generation = 0;
  {
    std::lock_guard lock(mutex_);
    Group& left = groups_[group];
    if (left.members.erase(member) == 0) return;
    Rebalance(left);
    generation = left.generation;
  }
  signal_.Raise();
  if (const base::Status status = StoreGeneration(group, generation); !status) {
    base::LogWarning("the generation of group {} was not stored: {}", group, status.error().message);
  }
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
  std::int64_t expelled_at = 0;
  {
    std::lock_guard lock(mutex_);
    MemberState* member = Find(name, id);
    if (member == nullptr) {
      change.expelled = true;
      return change;
    }
    member->polling = true;
    Group& group = groups_[name];
    if (ExpelSilent(group)) expelled_at = group.generation;
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
  if (expelled_at > 0) {
    base::LogWarning("group {}: a member that did not poll lost its partitions", name);
    signal_.Raise();
    if (const base::Status status = StoreGeneration(name, expelled_at); !status) {
      base::LogWarning("the generation of group {} was not stored: {}", name, status.error().message);
    }
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

std::map<std::string, Groups::Shape> Groups::Shapes() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, Shape> shapes;
  for (const auto& [name, group] : groups_) {
    shapes[name] = {group.generation, static_cast<std::int32_t>(group.members.size())};
  }
  return shapes;
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

base::Status Groups::StoreGeneration(const std::string& group, std::int64_t generation) {
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    connection.Run(R"sql(
        INSERT INTO log_groups(name, generation) VALUES (?1, ?2)
        ON CONFLICT(name) DO UPDATE SET generation = max(generation, excluded.generation))sql",
                   group, generation);
    return {};
  });
}

}  // namespace millrace::sqlite
