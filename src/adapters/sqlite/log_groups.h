#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/log_signal.h"
#include "core/log.h"

namespace millrace::sqlite {

using Partitions = std::set<core::TopicPartition>;

/// Who reads which partition. Members live in this process, which owns the log, so they are kept in memory; only that
/// there is a group is stored. A partition changes hands in two steps: its member gives it up in its own Poll, then the
/// next one gets it; so no two members hold it at once. A member that stays out of Poll too long is put out of the
/// group by the others. Thread-safe; calls of one member come from one thread.
class Groups {
 public:
  using Member = std::int64_t;

  Groups(Engine& engine, LogSignal& signal) : engine_(engine), signal_(signal) {}

  void AddTopic(const std::string& name, std::int32_t partitions);
  void RemoveTopic(const std::string& name);

  base::Result<Member> Join(const std::string& group, const std::vector<std::string>& topics);
  void Leave(const std::string& group, Member member);

  struct Change {
    bool expelled = false;  // no longer a member: join again
    std::vector<core::TopicPartition> revoked, assigned;
  };
  /// What has changed for a member, which from now on is in Poll. Revoked partitions stay its own, and can be
  /// committed, until Released.
  Change Review(const std::string& group, Member member);
  void LeavePoll(const std::string& group, Member member);
  void Released(const std::string& group, Member member, const std::vector<core::TopicPartition>& partitions);

  /// Takes the mutex alone, so the writer's thread may ask.
  bool Holds(const std::string& group, Member member, const core::TopicPartition& partition) const;

  /// Who is in a group, after those that fell silent were put out. `settled`: each has what is meant for it.
  struct Shape {
    std::vector<core::GroupMember> members;
    bool settled = true;
  };
  Shape Describe(const std::string& group);
  std::set<std::string> GroupsReading(const std::string& topic) const;

 private:
  using Clock = std::chrono::steady_clock;
  struct MemberState {
    std::vector<std::string> topics;
    Partitions held, target;
    bool polling = false;
    Clock::time_point seen;  // when it last left Poll
  };
  struct Group {
    std::map<Member, MemberState> members;
  };

  MemberState* Find(const std::string& group, Member member);  // none: expelled
  void Rebalance(Group& group);
  void RebalanceReadersOf(const std::string& topic);
  bool ExpelSilent(Group& group);

  Engine& engine_;
  LogSignal& signal_;
  mutable std::mutex mutex_;
  std::map<std::string, std::int32_t> topics_;  // partitions
  std::map<std::string, Group> groups_;
  Member last_member_ = 0;
};

}  // namespace millrace::sqlite
