#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;

TEST_P(LogRetentionContract, RetentionRemovesWhatIsTooOld) {
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

TEST_P(LogRetentionContract, OffsetsGoOnWhereAllRecordsWent) {
  CreateTopic("t", 1, seconds(60));
  ProduceNumbers("t", 0, 0, 3);
  EXPECT_EQ(*log().admin().ApplyRetention(core::Now() + hours(1)), 3);
  log().Reopen();
  EXPECT_EQ(WatermarksOf("t", 0).low, 3);
  EXPECT_EQ(Produce(MakeRecord("t", 0, "v")).offset, 3);
}

TEST_P(LogRetentionContract, RetentionNeverPassesACommittedOffset) {
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

TEST_P(LogRetentionContract, RemovesTheOldestOfWhatIsTooMuch) {
  ASSERT_TRUE(log().admin().CreateTopic({"t", 1, 1, {{"retention.bytes", "1000000"}}}));
  for (int i = 0; i < 5; ++i) Produce(MakeRecord("t", 0, std::string(400'000, static_cast<char>('0' + i))));
  EXPECT_EQ(*log().admin().ApplyRetention(core::Now()), 3);
  EXPECT_EQ(*log().admin().ApplyRetention(core::Now()), 0);
  EXPECT_EQ(WatermarksOf("t", 0).low, 3);
  EXPECT_EQ(WatermarksOf("t", 0).high, 5);
}

TEST_P(LogRetentionContract, FollowsAChange) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  const auto later = core::Now() + hours(1);
  EXPECT_EQ(*log().admin().ApplyRetention(later), 0);
  ASSERT_TRUE(log().admin().AlterTopic("t", {{}, {{"retention.ms", "60000"}}}));
  EXPECT_EQ(*log().admin().ApplyRetention(later), 3);
  ProduceNumbers("t", 0, 3, 1);
  ASSERT_TRUE(log().admin().AlterTopic("t", {{}, {{"retention.ms", "-1"}}}));
  EXPECT_EQ(*log().admin().ApplyRetention(later), 0);
}

TEST_P(LogRetentionContract, OnlySettingsItUnderstandsAreTaken) {
  const auto refused = [&](const std::string& name, const std::string& value) {
    const auto created = log().admin().CreateTopic({"u", 1, 1, {{name, value}}});
    EXPECT_FALSE(created) << name;
    if (created) return;
    EXPECT_EQ(created.error().code, base::Code::kInvalidArgument);
    EXPECT_THAT(created.error().message, testing::HasSubstr(name));
  };
  refused("min.insync.replicas", "1");
  refused("retention.ms", "soon");
  refused("retention.ms", "-2");
  refused("retention.bytes", "");
  refused("cleanup.policy", "compact");
  EXPECT_TRUE(log().admin().CreateTopic({"u", 1, 1, {{"cleanup.policy", "delete"}}}));
  EXPECT_EQ(log().admin().CreateTopic({"v", 1, 2, {}}).error().code, base::Code::kInvalidArgument);  // one copy
}

}  // namespace
}  // namespace millrace::contract
