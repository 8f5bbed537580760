#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using std::chrono::hours;
using testing::ElementsAre;
using Config = std::map<std::string, std::string>;

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
  EXPECT_EQ((*topics)[1].in_sync, 1);
  const auto described = log().admin().DescribeTopic("b");
  ASSERT_TRUE(described) << described.error().message;
  EXPECT_EQ(described->spec.config, (Config{{"retention.ms", "86400000"}}));
  EXPECT_EQ(described->retention_ms, 86'400'000);
  EXPECT_TRUE(log().admin().DescribeTopic("a")->retention_ms.has_value());  // of the brokers, or for ever
  EXPECT_TRUE(log().admin().DescribeTopic("a")->spec.config.empty());
}

TEST_P(LogAdminContract, ADescriptionHasEachPartition) {
  CreateTopic("t", 2);
  ProduceNumbers("t", 1, 0, 3);
  const auto described = log().admin().DescribeTopic("t");
  ASSERT_TRUE(described) << described.error().message;
  EXPECT_EQ(described->spec.name, "t");
  EXPECT_EQ(described->spec.partitions, 2);
  EXPECT_EQ(described->spec.replication, 1);
  ASSERT_EQ(described->partitions.size(), 2u);
  EXPECT_EQ(described->partitions.at(0).marks.high, 0);
  EXPECT_EQ(described->partitions.at(1).marks.high, 3);
  for (const auto& [partition, info] : described->partitions) {
    EXPECT_GE(info.leader, 0);
    EXPECT_THAT(info.replicas, ElementsAre(info.leader));
    EXPECT_THAT(info.in_sync, ElementsAre(info.leader));
  }
}

TEST_P(LogAdminContract, SettingsChangeOneByOne) {
  ASSERT_TRUE(log().admin().CreateTopic({"t", 1, 1, {{"retention.ms", "60000"}, {"retention.bytes", "5000"}}}));
  ASSERT_TRUE(log().admin().AlterTopic("t", {{}, {{"retention.ms", "70000"}, {"cleanup.policy", "delete"}}}));
  EXPECT_TRUE(Eventually([&] { return Configured("t", "retention.ms") == "70000"; }));
  EXPECT_EQ(Configured("t", "retention.bytes"), "5000");
  ASSERT_TRUE(log().admin().AlterTopic("t", {{}, {{"retention.bytes", std::nullopt}}}));
  EXPECT_TRUE(Eventually([&] { return Configured("t", "retention.bytes") == "(default)"; }));
  EXPECT_EQ(Configured("t", "retention.ms"), "70000");
  EXPECT_EQ(log().admin().AlterTopic("t", {{}, {{"no.such.setting", "1"}}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log().admin().AlterTopic("u", {{}, {{"retention.ms", "1"}}}).error().code, Code::kNotFound);
}

TEST_P(LogAdminContract, PartitionsAreAddedAndReachTheReaders) {
  CreateTopic("t", 1);
  ProduceNumbers("t", 0, 0, 1);
  const auto consumer = Subscribed("g", "t");
  PollFor(*consumer, 1);
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 1}}));
  ASSERT_TRUE(log().admin().AlterTopic("t", {3, {}}));
  EXPECT_TRUE(Eventually([&] { return log().admin().DescribeTopic("t")->spec.partitions == 3; }));
  ProduceNumbers("t", 2, 20, 1);
  const auto records = PollFor(*consumer, 1);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].position, (core::Position{"t", 2, 0}));
  EXPECT_EQ(log().admin().AlterTopic("t", {3, {}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log().admin().AlterTopic("t", {2, {}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log().admin().AlterTopic("u", {2, {}}).error().code, Code::kNotFound);
  EXPECT_EQ(WatermarksOf("t", 0).high, 1);
}

TEST_P(LogAdminContract, MistakesHaveTheirNames) {
  CreateTopic("t");
  EXPECT_EQ(log().admin().CreateTopic({"t", 5, 1, {}}).error().code, Code::kConflict);
  EXPECT_EQ(log().admin().ListTopics()->front().spec.partitions, 1);
  EXPECT_EQ(log().admin().CreateTopic({"u", 0, 1, {}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log().admin().DeleteTopic("u").error().code, Code::kNotFound);
  EXPECT_EQ(log().admin().EmptyTopic("u").error().code, Code::kNotFound);
  EXPECT_EQ(log().admin().DescribeTopic("u").error().code, Code::kNotFound);
  for (const char* name : {"", ".", "..", "a b", "a/b", "\xc3\xa4"}) {
    EXPECT_EQ(log().admin().CreateTopic({name, 1, 1, {}}).error().code, Code::kInvalidArgument) << name;
  }
  EXPECT_EQ(log().admin().CreateTopic({std::string(250, 'a'), 1, 1, {}}).error().code, Code::kInvalidArgument);
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
  // Until then kUnavailable at most: a client may be letting go of a connection at this moment.
  EXPECT_TRUE(Eventually([&] {
    const auto lost = log().producer().Produce({MakeRecord("t", 0, "v")}, base::Deadline::AfterSeconds(20));
    EXPECT_TRUE(lost);
    EXPECT_FALSE(lost->front());
    EXPECT_THAT(lost->front().error().code, testing::AnyOf(Code::kNotFound, Code::kUnavailable));
    return lost->front().error().code == Code::kNotFound;
  }));
}

TEST_P(LogAdminContract, AnEmptiedTopicGoesOnAtItsEnd) {
  CreateTopic("t", 3);
  CreateTopic("other");
  ProduceNumbers("t", 0, 0, 3);
  ProduceNumbers("t", 1, 10, 2);
  ProduceNumbers("other", 0, 20, 1);
  {
    const auto behind = Subscribed("behind", "t");
    PollFor(*behind, 5);
    ASSERT_TRUE(behind->Commit({{{"t", 0}, 1}, {{"t", 1}, 2}}));
  }
  const auto emptied = log().admin().EmptyTopic("t");
  ASSERT_TRUE(emptied) << emptied.error().message;
  EXPECT_EQ(*emptied, 5);
  EXPECT_EQ(*log().admin().EmptyTopic("t"), 0);
  log().Reopen();
  for (const auto& [partition, end] : {std::pair(0, 3), std::pair(1, 2), std::pair(2, 0)}) {
    EXPECT_EQ(WatermarksOf("t", partition).low, end) << partition;
    EXPECT_EQ(WatermarksOf("t", partition).high, end) << partition;
  }
  EXPECT_EQ(WatermarksOf("other", 0).low, 0);
  EXPECT_EQ(Group("behind").committed, (std::map<core::TopicPartition, std::int64_t>{{{"t", 0}, 1}, {{"t", 1}, 2}}));
  EXPECT_EQ(Produce(MakeRecord("t", 0, "new")).offset, 3);
  EXPECT_THAT(Values(PollFor(*Reading({"t", 0, 0}), 1)), ElementsAre("new"));
  EXPECT_THAT(Values(PollFor(*Subscribed("behind", "t"), 1)), ElementsAre("new"));
}

TEST_P(LogAdminContract, AMemberReadsOnInATopicThatIsEmptiedUnderIt) {
  CreateTopic("t");
  ProduceNumbers("t", 0, 0, 3);
  const auto consumer = Subscribed("g", "t");
  PollFor(*consumer, 3);
  ASSERT_TRUE(log().admin().EmptyTopic("t"));
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));  // of work that it was at
  Produce(MakeRecord("t", 0, "new"));
  EXPECT_THAT(Values(PollFor(*consumer, 1)), ElementsAre("new"));
  EXPECT_TRUE(consumer->Commit({{{"t", 0}, 4}}));
}

TEST_P(LogAdminContract, NamesThatKafkaRefusesAreRefused) {
  for (const std::string& name :
       {std::string(), std::string("."), std::string("a b"), std::string("ä"), std::string(250, 'a')}) {
    EXPECT_EQ(log().admin().CreateTopic({name, 1, 1, {}}).error().code, Code::kInvalidArgument) << name;
  }
  EXPECT_TRUE(log().admin().ListTopics()->empty());
}

}  // namespace
}  // namespace millrace::contract
