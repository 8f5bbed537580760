#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using core::TopicPartition;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Offsets = std::map<TopicPartition, std::int64_t>;

std::string StateIn(const std::vector<core::GroupSummary>& groups, const std::string& name) {
  for (const core::GroupSummary& group : groups) {
    if (group.name == name) return group.state;
  }
  return "(absent)";
}

TEST_P(GroupAdminContract, AGroupShowsItsMembersAndTheirPartitions) {
  CreateTopic("t", 2);
  ProduceNumbers("t", 0, 0, 1);
  const auto consumer = Subscribed("g", "t");
  PollFor(*consumer, 1);
  const core::GroupInfo group = Group("g");
  EXPECT_EQ(group.name, "g");
  EXPECT_EQ(group.state, "Stable");
  EXPECT_THAT(group.committed, IsEmpty());
  ASSERT_EQ(group.members.size(), 1u);
  EXPECT_FALSE(group.members[0].id.empty());
  EXPECT_FALSE(group.members[0].host.empty());
  EXPECT_THAT(group.members[0].partitions, UnorderedElementsAre(TopicPartition{"t", 0}, TopicPartition{"t", 1}));
  EXPECT_EQ(StateIn(*log().groups().ListGroups(), "g"), "Stable");
}

TEST_P(GroupAdminContract, AGroupStaysWhenItsMembersWent) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 1);
  for (const char* name : {"b", "a"}) {
    const auto consumer = Subscribed(name, "t");
    PollFor(*consumer, 1);
    ASSERT_TRUE(consumer->Commit({{{"t", 0}, 1}}));
    consumer->Close();
  }
  log().Reopen();
  const auto groups = log().groups().ListGroups();
  ASSERT_TRUE(groups);
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ((*groups)[0].name, "a");
  EXPECT_EQ((*groups)[1].name, "b");
  EXPECT_EQ((*groups)[1].state, "Empty");
  EXPECT_THAT(Group("b").members, IsEmpty());
  EXPECT_EQ(Group("b").committed, (Offsets{{{"t", 0}, 1}}));
}

TEST_P(GroupAdminContract, AnUnknownGroupIsNotFound) {
  EXPECT_EQ(log().groups().DescribeGroup("g").error().code, Code::kNotFound);
  EXPECT_EQ(log().groups().DeleteGroup("g").error().code, Code::kNotFound);
  EXPECT_EQ(log().groups().OffsetsAt("t", core::Now()).error().code, Code::kNotFound);
}

TEST_P(GroupAdminContract, ResetOffsetsAreWhereTheNextMemberBegins) {
  CreateTopic("t", 2);
  ProduceNumbers("t", 0, 0, 5);
  ProduceNumbers("t", 1, 10, 5);
  {
    const auto consumer = Subscribed("g", "t");
    PollFor(*consumer, 10);
    ASSERT_TRUE(consumer->Commit({{{"t", 0}, 5}, {{"t", 1}, 5}}));
    consumer->Close();
  }
  ASSERT_TRUE(log().groups().ResetOffsets("g", {{{"t", 0}, 3}}));
  EXPECT_EQ(Group("g").committed, (Offsets{{{"t", 0}, 3}, {{"t", 1}, 5}}));
  EXPECT_THAT(Values(PollFor(*Subscribed("g", "t"), 2)), ElementsAre("3", "4"));
}

TEST_P(GroupAdminContract, AResetMakesTheGroup) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  ASSERT_TRUE(log().groups().ResetOffsets("g", {{{"t", 0}, 2}}));
  EXPECT_EQ(StateIn(*log().groups().ListGroups(), "g"), "Empty");
  EXPECT_THAT(Values(PollFor(*Subscribed("g", "t"), 1)), ElementsAre("2"));
}

TEST_P(GroupAdminContract, AGroupWithMembersIsLeftAlone) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  const auto consumer = Subscribed("g", "t");
  PollFor(*consumer, 3);
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));
  EXPECT_EQ(log().groups().ResetOffsets("g", {{{"t", 0}, 0}}).error().code, Code::kConflict);
  EXPECT_EQ(log().groups().DeleteGroup("g").error().code, Code::kConflict);
  EXPECT_EQ(Group("g").committed, (Offsets{{{"t", 0}, 2}}));
  consumer->Close();
  EXPECT_TRUE(log().groups().ResetOffsets("g", {{{"t", 0}, 0}}));
}

TEST_P(GroupAdminContract, ADeletedGroupBeginsAnew) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 2);
  {
    const auto consumer = Subscribed("g", "t");
    PollFor(*consumer, 2);
    ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));
    consumer->Close();
  }
  ASSERT_TRUE(log().groups().DeleteGroup("g"));
  log().Reopen();
  EXPECT_EQ(log().groups().DescribeGroup("g").error().code, Code::kNotFound);
  EXPECT_EQ(StateIn(*log().groups().ListGroups(), "g"), "(absent)");
  EXPECT_THAT(Values(PollFor(*Subscribed("g", "t"), 2)), ElementsAre("0", "1"));
}

TEST_P(GroupAdminContract, OffsetsAreFoundByTime) {
  CreateTopic("t", 2);
  const auto start = core::Now() - seconds(100);
  for (int i = 0; i < 3; ++i) {
    auto record = MakeRecord("t", 0, std::to_string(i));
    record.timestamp = start + seconds(i * 10);
    Produce(record);
  }
  using ByPartition = std::map<std::int32_t, std::int64_t>;
  const auto at = [&](core::Timestamp time) { return log().groups().OffsetsAt("t", time).value(); };
  EXPECT_EQ(at(start - seconds(1)), (ByPartition{{0, 0}, {1, 0}}));
  EXPECT_EQ(at(start + seconds(10)), (ByPartition{{0, 1}, {1, 0}}));
  EXPECT_EQ(at(start + seconds(10) + milliseconds(1)), (ByPartition{{0, 2}, {1, 0}}));
  EXPECT_EQ(at(start + seconds(21)), (ByPartition{{0, 3}, {1, 0}}));
}

}  // namespace
}  // namespace millrace::contract
