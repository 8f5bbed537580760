#include <atomic>
#include <set>
#include <thread>

#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using base::Deadline;
using core::TopicPartition;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

/// What a member was told, and holds by that.
struct Told {
  std::set<TopicPartition> held;
  int assigned = 0, revoked = 0;

  core::LogConsumer::RebalanceListener listener() {
    return {[this](const auto& partitions) {
              ++assigned;
              for (const auto& partition : partitions) EXPECT_TRUE(held.insert(partition).second);
            },
            [this](const auto& partitions) {
              ++revoked;
              for (const auto& partition : partitions) EXPECT_EQ(held.erase(partition), 1u);
            }};
  }
};

std::map<TopicPartition, std::int64_t> NextOffsets(const Told& told, std::int64_t offset) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (const auto& partition : told.held) offsets[partition] = offset;
  return offsets;
}

TEST_P(LogGroupContract, ANewGroupStartsAtTheEarliestRecord) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  const auto consumer = Subscribed("g", "t");
  EXPECT_THAT(Values(PollFor(*consumer, 3)), ElementsAre("0", "1", "2"));
}

TEST_P(LogGroupContract, AGroupGoesOnFromWhatItCommitted) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 5);
  {
    const auto consumer = Subscribed("g", "t");
    EXPECT_EQ(PollFor(*consumer, 4).size(), 4u);
    ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));  // read four, done two
    consumer->Close();
  }
  log().Reopen();
  EXPECT_EQ(Group("g").committed, (std::map<TopicPartition, std::int64_t>{{{"t", 0}, 2}}));
  EXPECT_TRUE(Group("g").members.empty());
  EXPECT_THAT(Values(PollFor(*Subscribed("g", "t"), 3)), ElementsAre("2", "3", "4"));
  EXPECT_THAT(Values(PollFor(*Subscribed("other", "t"), 1)), ElementsAre("0"));
}

TEST_P(LogGroupContract, WithoutACommitEverythingComesAgain) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 2);
  EXPECT_EQ(PollFor(*Subscribed("g", "t"), 2).size(), 2u);
  EXPECT_EQ(PollFor(*Subscribed("g", "t"), 2).size(), 2u);
}

TEST_P(LogGroupContract, MembersShareThePartitions) {
  CreateTopic("t", 3);
  Told told_a, told_b;
  auto a = log().NewConsumer("g"), b = log().NewConsumer("g");
  ASSERT_TRUE(a->Subscribe({"t"}, told_a.listener()));
  EXPECT_EQ(told_a.assigned, 0);  // only ever inside Poll
  PollUntil({a.get()}, [&] { return told_a.held.size() == 3; });
  EXPECT_EQ(told_a.revoked, 0);
  ASSERT_TRUE(b->Subscribe({"t"}, told_b.listener()));
  PollUntil({a.get(), b.get()}, [&] {
    return !told_a.held.empty() && !told_b.held.empty() && told_a.held.size() + told_b.held.size() == 3;
  });
  EXPECT_EQ(Group("g").members.size(), 2u);

  for (std::int32_t p = 0; p < 3; ++p) ProduceNumbers("t", p, p * 10, 2);
  std::set<std::string> seen;
  const auto poll_both = [&](milliseconds duration) {
    for (auto* consumer : {a.get(), b.get()}) {
      for (const auto& record : PollDuring(*consumer, duration)) {
        const auto& held = consumer == a.get() ? told_a.held : told_b.held;
        EXPECT_TRUE(held.contains({"t", record.position.partition}));
        EXPECT_TRUE(seen.insert(*record.value).second) << *record.value;
      }
    }
  };
  EXPECT_TRUE(Eventually([&] {
    poll_both(milliseconds(10));
    return seen.size() == 6;
  }));
  poll_both(GetParam().quiet);  // and none comes again

  ASSERT_TRUE(a->Commit(NextOffsets(told_a, 2)));
  ASSERT_TRUE(b->Commit(NextOffsets(told_b, 2)));
  b->Close();
  EXPECT_EQ(Group("g").members.size(), 1u) << "a member that closes leaves at once";
  PollUntil({a.get()}, [&] { return told_a.held.size() == 3; });
}

TEST_P(LogGroupContract, APartitionIsCommittedBeforeItChangesHands) {
  CreateTopic("t", 2);
  ProduceNumbers("t", 0, 0, 3);
  ProduceNumbers("t", 1, 10, 3);
  auto a = log().NewConsumer("g");
  core::LogConsumer* member = a.get();
  std::vector<TopicPartition> given_back;
  ASSERT_TRUE(a->Subscribe({"t"}, {{}, [&](const auto& partitions) {
                                     for (const auto& partition : partitions) {
                                       EXPECT_TRUE(member->Commit({{partition, 3}}));
                                       given_back.push_back(partition);
                                     }
                                   }}));
  PollFor(*a, 6);
  Told told_b;
  const auto b = log().NewConsumer("g");
  ASSERT_TRUE(b->Subscribe({"t"}, told_b.listener()));
  PollUntil({a.get(), b.get()}, [&] { return told_b.held.size() == 1; });
  EXPECT_EQ(given_back.size(), GetParam().moves_only_what_must ? 1u : 2u);
  for (auto* consumer : {a.get(), b.get()}) {
    EXPECT_THAT(PollDuring(*consumer, GetParam().quiet), IsEmpty());  // nothing of what was committed comes again
  }
}

TEST_P(LogGroupContract, AMemberCannotCommitWhatIsNotItsOwn) {
  CreateTopic("t", 2);
  Told told_a;
  auto a = log().NewConsumer("g");
  ASSERT_TRUE(a->Subscribe({"t"}, told_a.listener()));
  PollUntil({a.get()}, [&] { return told_a.held.size() == 2; });
  ASSERT_TRUE(a->Commit({{{"t", 0}, 0}, {{"t", 1}, 0}}));
  const auto b = Subscribed("g", "t");
  PollUntil({a.get(), b.get()}, [&] { return told_a.held.size() == 1; });
  ASSERT_EQ(told_a.held.size(), 1u);
  const TopicPartition own = *told_a.held.begin(), other = {"t", 1 - own.partition};
  ProduceNumbers("t", 0, 0, 5);
  ProduceNumbers("t", 1, 0, 5);
  const auto refused = a->Commit({{own, 1}, {other, 1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(Group("g").committed.at(own), 0);  // all or nothing
  EXPECT_TRUE(a->Commit({{own, 1}}));
  EXPECT_EQ(Group("g").committed.at(own), 1);
  EXPECT_EQ(Group("g").committed.at(other), 0);
}

TEST_P(LogGroupContract, ASilentMemberLosesItsPartitionsAndItsCommits) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  Told told_a;
  auto a = log().NewConsumer("g");
  ASSERT_TRUE(a->Subscribe({"t"}, told_a.listener()));
  EXPECT_EQ(PollFor(*a, 3).size(), 3u);
  const auto b = Subscribed("g", "t");
  EXPECT_THAT(Values(PollFor(*b, 3, GetParam().member_silence + GetParam().patience)), ElementsAre("0", "1", "2"));
  ASSERT_TRUE(b->Commit({{{"t", 0}, 3}}));
  const auto stale = a->Commit({{{"t", 0}, 1}});
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, Code::kConflict);
  EXPECT_EQ(Group("g").committed.at({"t", 0}), 3);
  b->Close();
  PollUntil({a.get()}, [&] { return told_a.revoked == 1 && told_a.held.size() == 1; });  // back as a new member
  EXPECT_TRUE(a->Commit({{{"t", 0}, 3}}));
}

TEST_P(LogGroupContract, AMemberThatWaitsInPollIsNotSilent) {
  CreateTopic("t");
  Told told;
  auto a = log().NewConsumer("g");
  ASSERT_TRUE(a->Subscribe({"t"}, told.listener()));
  PollDuring(*a, 2 * GetParam().member_silence);
  EXPECT_TRUE(a->Commit({{{"t", 0}, 0}}));
  EXPECT_EQ(told.assigned, 1);
  EXPECT_EQ(told.revoked, 0);
}

TEST_P(LogGroupContract, ATopicMadeLaterIsPickedUp) {
  const auto consumer = Subscribed("g", "t");
  EXPECT_THAT(PollDuring(*consumer, milliseconds(10)), IsEmpty());
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 1);
  EXPECT_THAT(Values(PollFor(*consumer, 1)), ElementsAre("0"));
}

TEST_P(LogGroupContract, ATopicMadeAnewIsReadFromItsBeginning) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 5);
  {
    const auto consumer = Subscribed("g", "t");
    EXPECT_EQ(PollFor(*consumer, 5).size(), 5u);
    ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));
  }
  ASSERT_TRUE(log().admin().DeleteTopic("t"));
  CreateTopic("t");
  ProduceNumbers("t", 0, 100, 4);
  EXPECT_THAT(Values(PollFor(*Subscribed("g", "t"), 4)), ElementsAre("100", "101", "102", "103"));
}

TEST_P(LogGroupContract, NoPartitionStarves) {
  CreateTopic("t", 2);
  ProduceNumbers("t", 0, 0, 100);
  ProduceNumbers("t", 1, 1000, 1);
  const auto consumer = Subscribed("g", "t");
  bool seen = false;
  for (int i = 0; i < GetParam().fair_after && !seen; i += 10) {
    const auto records = consumer->Poll(10, Deadline::AfterSeconds(5));
    ASSERT_TRUE(records);
    for (const auto& record : *records) seen |= record.position.partition == 1;
  }
  EXPECT_TRUE(seen);
}

TEST_P(LogGroupContract, GroupsAreListedAndDescribed) {
  CreateTopic("t", 2);
  EXPECT_TRUE(log().groups().ListGroups()->empty());
  EXPECT_EQ(log().groups().DescribeGroup("g").error().code, Code::kNotFound);
  auto member = Subscribed("g", "t");
  ASSERT_TRUE(log().groups().ResetOffsets("f", {{{"t", 0}, 0}}));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(PollDuring(*member, milliseconds(10)), IsEmpty());
    const auto group = log().groups().DescribeGroup("g");  // brokers know it once its first member joined
    return group && group->state == "Stable" && !group->members.empty() &&
           group->members.front().partitions == std::vector<TopicPartition>{{"t", 0}, {"t", 1}};
  }));
  EXPECT_FALSE(Group("g").members.front().id.empty());
  EXPECT_FALSE(Group("g").members.front().client.empty());
  EXPECT_TRUE(Group("g").committed.empty());
  EXPECT_TRUE(Eventually([&] {  // brokers know of its partitions before it does
    EXPECT_THAT(PollDuring(*member, milliseconds(10)), IsEmpty());
    return member->Commit({{{"t", 0}, 0}}).has_value();
  }));
  const auto groups = log().groups().ListGroups();
  ASSERT_TRUE(groups);
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ((*groups)[0].name, "f");
  EXPECT_EQ((*groups)[0].state, "Empty");
  EXPECT_EQ((*groups)[1].name, "g");
  EXPECT_EQ((*groups)[1].state, "Stable");
  member->Close();
  EXPECT_TRUE(Eventually([&] { return Group("g").state == "Empty"; }));
}

TEST_P(LogGroupContract, MembersThatComeAndGoLoseNothing) {
  constexpr int kRecords = 300;
  CreateTopic("t", 4);
  std::mutex mutex;
  std::set<std::string> seen;
  std::atomic<bool> done = false;
  const auto consume = [&](auto polls) {
    auto consumer = log().NewConsumer("g");
    std::map<TopicPartition, std::int64_t> next;
    ASSERT_TRUE(consumer->Subscribe({"t"}, {{}, [&](const auto& partitions) {
                                              for (const auto& partition : partitions) next.erase(partition);
                                            }}));
    for (auto i = polls; i > 0 && !done; --i) {
      const auto records = consumer->Poll(5, Deadline::After(milliseconds(20)));
      ASSERT_TRUE(records);
      std::lock_guard lock(mutex);
      for (const auto& record : *records) {
        seen.insert(*record.value);
        next[{"t", record.position.partition}] = record.position.offset + 1;
      }
      const auto status = consumer->Commit(next);
      ASSERT_TRUE(status || status.error().code == Code::kConflict) << status.error().message;
      done = seen.size() == kRecords;
    }
  };
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (int i = 0; i < kRecords; ++i) Produce(MakeRecord("t", i % 4, std::to_string(i)));
  });
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      const auto deadline = Deadline::After(3 * GetParam().patience);
      while (!done && !deadline.expired()) consume(GetParam().visit / milliseconds(20));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kRecords));
}

}  // namespace
}  // namespace millrace::contract
