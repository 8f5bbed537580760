#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

TEST_P(LogAdminContract, TopicsAreListedAsTheyWereMade) {
  CreateTopic("b", 3, hours(24));
  CreateTopic("a");
  log().Reopen();
  auto topics = log().admin().ListTopics();
  ASSERT_TRUE(topics);
  ASSERT_EQ(topics->size(), 2u);
  EXPECT_EQ((*topics)[0].spec.name, "a");
  EXPECT_EQ((*topics)[0].spec.partitions, 1);
  EXPECT_FALSE((*topics)[0].spec.retention.has_value());
  EXPECT_EQ((*topics)[1].spec.name, "b");
  EXPECT_EQ((*topics)[1].spec.partitions, 3);
  EXPECT_EQ((*topics)[1].spec.retention, milliseconds(hours(24)));
  EXPECT_EQ((*topics)[1].watermarks.size(), 3u);
}

TEST_P(LogAdminContract, MistakesHaveTheirNames) {
  CreateTopic("t");
  EXPECT_EQ(log().admin().CreateTopic({"t", 5, 1, {}}).error().code, Code::kConflict);
  EXPECT_EQ(log().admin().ListTopics()->front().spec.partitions, 1);
  EXPECT_EQ(log().admin().CreateTopic({"u", 0, 1, {}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log().admin().DeleteTopic("u").error().code, Code::kNotFound);
}

TEST_P(LogAdminContract, ADeletedTopicIsGoneWithItsOffsets) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 2);
  const auto consumer = Subscribed("g", "t");
  PollFor(*consumer, 2);
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));
  ASSERT_TRUE(log().admin().DeleteTopic("t"));
  EXPECT_TRUE(log().admin().ListTopics()->empty());
  EXPECT_TRUE(Group("g").committed.empty());
  const auto lost = log().producer().Produce({MakeRecord("t", 0, "v")}, base::Deadline::AfterSeconds(5));
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->front().error().code, Code::kNotFound);
}

TEST_P(LogAdminContract, RetentionRemovesWhatIsTooOld) {
  CreateTopic("t", 1, seconds(60));
  CreateTopic("for-ever");
  const auto now = core::Now();
  for (const char* topic : {"t", "for-ever"}) {
    for (int age : {300, 200, 10}) {
      auto record = MakeRecord(topic, 0, std::to_string(age));
      record.timestamp = now - seconds(age);
      Produce(record);
    }
  }
  EXPECT_EQ(*log().admin().ApplyRetention(now), 2);
  EXPECT_EQ(*log().admin().ApplyRetention(now), 0);
  log().Reopen();
  EXPECT_EQ(WatermarksOf("t", 0).low, 2);
  EXPECT_EQ(WatermarksOf("t", 0).high, 3);
  EXPECT_EQ(WatermarksOf("for-ever", 0).low, 0);
  EXPECT_THAT(Values(PollFor(*Reading({"t", 0, 0}), 1)), ElementsAre("10"));  // out of range, so the earliest
}

TEST_P(LogAdminContract, OffsetsGoOnWhereAllRecordsWent) {
  CreateTopic("t", 1, seconds(60));
  ProduceNumbers("t", 0, 0, 3);
  EXPECT_EQ(*log().admin().ApplyRetention(core::Now() + hours(1)), 3);
  log().Reopen();
  EXPECT_EQ(WatermarksOf("t", 0).low, 3);
  EXPECT_EQ(Produce(MakeRecord("t", 0, "v")).offset, 3);
}

TEST_P(LogAdminContract, RetentionNeverPassesACommittedOffset) {
  CreateTopic("t", 1, seconds(60));
  ProduceNumbers("t", 0, 0, 10);
  for (const auto& [group, offset] : {std::pair("slow", 2), std::pair("fast", 7)}) {
    const auto consumer = Subscribed(group, "t");
    PollFor(*consumer, 10);
    ASSERT_TRUE(consumer->Commit({{{"t", 0}, offset}}));
  }
  EXPECT_EQ(*log().admin().ApplyRetention(core::Now() + hours(1)), 2);
  EXPECT_EQ(WatermarksOf("t", 0).low, 2);
  EXPECT_THAT(Values(PollFor(*Subscribed("slow", "t"), 1)), ElementsAre("2"));
}

}  // namespace
}  // namespace millrace::contract
