#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using std::chrono::hours;

TEST_P(LogAdminContract, TopicsAreListedAsTheyWereMade) {
  CreateTopic("b", 3, hours(24));
  CreateTopic("a");
  log().Reopen();
  auto topics = log().admin().ListTopics();
  ASSERT_TRUE(topics);
  ASSERT_EQ(topics->size(), 2u);
  EXPECT_EQ((*topics)[0].spec.name, "a");
  EXPECT_EQ((*topics)[0].spec.partitions, 1);
  EXPECT_EQ((*topics)[1].spec.name, "b");
  EXPECT_EQ((*topics)[1].spec.partitions, 3);
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
  EXPECT_TRUE(Eventually([&] { return Group("g").committed.empty(); }));
  const auto lost = log().producer().Produce({MakeRecord("t", 0, "v")}, base::Deadline::AfterSeconds(5));
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->front().error().code, Code::kNotFound);
}

}  // namespace
}  // namespace millrace::contract
