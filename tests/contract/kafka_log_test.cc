#include "adapters/kafka/kafka_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <set>
#include <thread>

#include "contract/log_contract.h"

/// What only brokers do to a log, beyond the contract.
namespace millrace::kafka {
namespace {

using base::Code;
using base::Deadline;
using contract::MakeRecord;
using contract::PollDuring;
using contract::PollFor;
using contract::Values;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using Clock = std::chrono::steady_clock;

class KafkaLogTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* servers = std::getenv("MILLRACE_TEST_KAFKA");
    ASSERT_NE(servers, nullptr) << "set MILLRACE_TEST_KAFKA to host:port of a Kafka broker";
    options_.bootstrap_servers = servers;
    options_.session_timeout = seconds(6);
    log_ = Open(options_);
    const auto now = std::to_string(core::Now().time_since_epoch().count());
    topic_ = "kafka-test-" + std::to_string(getpid()) + "-" + now;
    group_ = topic_ + "-group";
  }
  void TearDown() override {
    if (!log_) return;
    static_cast<void>(log_->admin().DeleteTopic(topic_));
    static_cast<void>(log_->groups().DeleteGroup(group_));
  }

  static std::unique_ptr<KafkaLog> Open(const KafkaOptions& options) {
    auto log = KafkaLog::Open(options);
    EXPECT_TRUE(log) << log.error().message;
    return log ? std::move(*log) : nullptr;
  }
  void CreateTopic(std::int32_t partitions = 1) {
    const auto created = log_->admin().CreateTopic({topic_, partitions, 1, {}});
    ASSERT_TRUE(created) << created.error().message;
  }
  base::Result<core::Position> Produce(std::string value, std::int32_t partition = 0) {
    const auto produced =
        log_->producer().Produce({MakeRecord(topic_, partition, std::move(value))}, Deadline::AfterSeconds(10));
    if (!produced) return produced.error();
    return produced->front();
  }
  std::unique_ptr<core::LogConsumer> Member(KafkaLog& log, core::LogConsumer::RebalanceListener listener = {}) {
    auto consumer = log.NewConsumer(group_);
    EXPECT_TRUE(consumer->Subscribe({topic_}, std::move(listener)));
    return consumer;
  }

  KafkaOptions options_;
  std::unique_ptr<KafkaLog> log_;
  std::string topic_, group_;
};

bool Within(Clock::duration patience, const std::function<bool()>& condition) {
  const auto deadline = Deadline::After(patience);
  while (!condition()) {
    if (deadline.expired()) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

TEST_F(KafkaLogTest, AProbeReachesTheBroker) {
  const auto probed = log_->Probe(seconds(10));
  EXPECT_TRUE(probed) << probed.error().message;
}

TEST_F(KafkaLogTest, AMemberThatClosesHasLeftAtOnce) {
  CreateTopic();
  ASSERT_TRUE(Produce("a"));
  auto member = Member(*log_);
  PollFor(*member, 1);
  ASSERT_EQ(log_->groups().DescribeGroup(group_)->members.size(), 1u);
  const auto begin = Clock::now();
  member->Close();
  EXPECT_EQ(log_->groups().DescribeGroup(group_)->state, "Empty");
  EXPECT_LT(Clock::now() - begin, seconds(5)) << "its session would have ended by itself after six";
}

TEST_F(KafkaLogTest, ADoubleOfAStaticMemberShutsItOut) {
  CreateTopic();
  options_.group_instance_id = "worker-1";
  const auto log = Open(options_);
  // Each has joined before the next thing happens: the one that comes last is the one that stays.
  bool first_joined = false, second_joined = false;
  const auto first = Member(*log, {[&](const auto&) { first_joined = true; }, {}});
  EXPECT_TRUE(Within(seconds(40), [&] {
    PollDuring(*first, milliseconds(50));
    return first_joined;
  }));
  const auto second = Member(*log, {[&](const auto&) { second_joined = true; }, {}});
  EXPECT_TRUE(Within(seconds(40), [&] {
    PollDuring(*second, milliseconds(50));
    return second_joined;
  }));
  base::Result<std::vector<core::LogRecord>> polled = std::vector<core::LogRecord>();
  EXPECT_TRUE(Within(seconds(40), [&] {
    polled = first->Poll(1, Deadline::After(milliseconds(100)));
    return !polled;
  }));
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().code, Code::kConflict);
  ASSERT_TRUE(Produce("a"));
  EXPECT_THAT(Values(PollFor(*second, 1)), ElementsAre("a"));
}

TEST_F(KafkaLogTest, ACompactedTopicIsNotEmptied) {
  const auto created = log_->admin().CreateTopic({topic_, 1, 1, {{"cleanup.policy", "compact"}}});
  ASSERT_TRUE(created) << created.error().message;
  auto record = MakeRecord(topic_, 0, "a");
  record.key = "k";  // without one such a topic takes nothing
  ASSERT_TRUE(log_->producer().Produce({record}, Deadline::AfterSeconds(10))->front());
  const auto emptied = log_->admin().EmptyTopic(topic_);
  ASSERT_FALSE(emptied);
  EXPECT_EQ(emptied.error().code, Code::kConflict);
  EXPECT_THAT(emptied.error().message, testing::HasSubstr("compacted"));
  EXPECT_EQ(log_->admin().DescribeTopic(topic_)->partitions.at(0).marks.low, 0);
}

TEST_F(KafkaLogTest, AMemberOutlivesItsTopic) {
  CreateTopic(1);
  ASSERT_TRUE(Produce("a"));
  std::set<core::TopicPartition> held;
  const auto member = Member(*log_, {[&](const auto& partitions) { held.insert(partitions.begin(), partitions.end()); },
                                     [&](const auto& partitions) {
                                       for (const auto& partition : partitions) held.erase(partition);
                                     }});
  EXPECT_THAT(Values(PollFor(*member, 1)), ElementsAre("a"));
  ASSERT_TRUE(member->Commit({{{topic_, 0}, 1}}));
  ASSERT_TRUE(log_->admin().DeleteTopic(topic_));
  PollDuring(*member, seconds(1));
  CreateTopic(3);
  EXPECT_TRUE(Within(seconds(40), [&] {
    PollDuring(*member, milliseconds(50));
    return held.size() == 3;
  })) << held.size();
  for (int p = 0; p < 3; ++p) ASSERT_TRUE(Produce("new-" + std::to_string(p), p));
  const auto values = Values(PollFor(*member, 3));
  EXPECT_EQ(std::set(values.begin(), values.end()), (std::set<std::string>{"new-0", "new-1", "new-2"}));
}

class KafkaReaderTest : public KafkaLogTest {
 protected:
  /// A reader that has read `old` is still there when the topic is made anew, and reads all of `fresh`.
  void ReadAcross(const std::vector<std::string>& old, const std::vector<std::string>& fresh) {
    CreateTopic();
    for (const std::string& value : old) ASSERT_TRUE(Produce(value));
    const auto reader = log_->NewConsumer("");
    ASSERT_TRUE(reader->Assign({{topic_, 0, 0}}));
    EXPECT_EQ(PollFor(*reader, old.size()).size(), old.size());
    ASSERT_TRUE(log_->admin().DeleteTopic(topic_));
    EXPECT_TRUE(PollDuring(*reader, seconds(1)).empty());
    CreateTopic();
    for (const std::string& value : fresh) {
      ASSERT_TRUE(Within(seconds(40), [&] { return Produce(value).has_value(); }));  // its producer knew the old one
    }
    EXPECT_EQ(Values(PollFor(*reader, fresh.size(), seconds(40))), fresh);
  }
};

TEST_F(KafkaReaderTest, OutlivesItsTopic) { ReadAcross({"a", "b", "c"}, {"new"}); }

/// It has grown beyond where the reader was before the reader learns of it: what lies before is not passed over.
TEST_F(KafkaReaderTest, BeginsATopicMadeAnewAtItsBeginning) { ReadAcross({"old"}, {"a", "b", "c"}); }

TEST_F(KafkaLogTest, AProducerMeetsATopicThatComesGoesAndComesBack) {
  ASSERT_EQ(Produce("a").error().code, Code::kNotFound);
  for (int round = 0; round < 2; ++round) {
    CreateTopic();
    // A member of the outbox's patience: tried again after a pause.
    EXPECT_TRUE(Within(seconds(40), [&] { return Produce("b").has_value(); })) << round;
    ASSERT_TRUE(Produce("c"));
    ASSERT_TRUE(log_->admin().DeleteTopic(topic_));
    EXPECT_TRUE(Within(seconds(40), [&] {
      const auto lost = Produce("d");
      return !lost && lost.error().code == Code::kNotFound;
    })) << round;
  }
}

TEST_F(KafkaLogTest, ARecordBeyondTheBrokersBoundIsTooLarge) {
  CreateTopic();
  const auto refused = Produce(std::string(2 << 20, 'x'));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kTooLarge) << refused.error().message;
  EXPECT_TRUE(Produce("small"));
}

TEST_F(KafkaLogTest, ADescriptionNamesLeadersAndWhatIsNotDefault) {
  ASSERT_TRUE(log_->admin().CreateTopic({topic_, 2, 1, {{"retention.ms", "60000"}}}));
  ASSERT_TRUE(Produce("a", 1));
  // Any broker is asked, and of several each hears of a change in its own time.
  core::TopicDescription topic;
  const auto shows = [&](std::int32_t partitions, const char* setting, const char* value) {
    const auto described = log_->admin().DescribeTopic(topic_);
    if (!described) return false;
    topic = *described;
    return topic.spec.partitions == partitions &&
           topic.spec.config == std::map<std::string, std::string>{{setting, value}};
  };
  ASSERT_TRUE(Within(seconds(10), [&] { return shows(2, "retention.ms", "60000"); }));
  EXPECT_EQ(topic.spec.replication, 1);
  ASSERT_EQ(topic.partitions.size(), 2u);
  const auto& partition = topic.partitions.at(1);
  EXPECT_GE(partition.leader, 0);
  EXPECT_EQ(partition.replicas, std::vector{partition.leader});
  EXPECT_EQ(partition.in_sync, std::vector{partition.leader});
  EXPECT_EQ(partition.marks.high, 1);

  ASSERT_TRUE(log_->admin().AlterTopic(topic_, {3, {{"retention.ms", std::nullopt}, {"cleanup.policy", "compact"}}}));
  EXPECT_TRUE(Within(seconds(10), [&] { return shows(3, "cleanup.policy", "compact"); }));

  const auto refused = log_->admin().AlterTopic(topic_, {2, {{"cleanup.policy", "delete"}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalidArgument) << refused.error().message;
  EXPECT_TRUE(Within(seconds(10), [&] { return shows(3, "cleanup.policy", "compact"); })) << "nothing was changed";
  EXPECT_EQ(log_->admin().AlterTopic(topic_, {{}, {{"no.such.thing", "1"}}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log_->admin().CreateTopic({topic_ + "/", 1, 1, {}}).error().code, Code::kInvalidArgument);
  EXPECT_EQ(log_->admin().CreateTopic({topic_ + "-2", 1, 3000, {}}).error().code, Code::kInvalidArgument);
}

TEST_F(KafkaLogTest, GroupsShowTheirMembersAndAreResetWithoutThem) {
  CreateTopic(2);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Produce(std::to_string(i)));
  auto member = Member(*log_);
  PollFor(*member, 3);
  ASSERT_TRUE(member->Commit({{{topic_, 0}, 3}}));
  auto group = log_->groups().DescribeGroup(group_);
  ASSERT_TRUE(group) << group.error().message;
  EXPECT_EQ(group->state, "Stable");
  ASSERT_EQ(group->members.size(), 1u);
  EXPECT_EQ(group->members[0].client, "millrace");
  EXPECT_NE(group->members[0].host.find("127.0.0.1"), std::string::npos) << group->members[0].host;
  EXPECT_EQ(group->members[0].partitions, (std::vector<core::TopicPartition>{{topic_, 0}, {topic_, 1}}));
  EXPECT_EQ(group->committed, (std::map<core::TopicPartition, std::int64_t>{{{topic_, 0}, 3}}));

  EXPECT_EQ(log_->groups().ResetOffsets(group_, {{{topic_, 0}, 1}}).error().code, Code::kConflict);
  EXPECT_EQ(log_->groups().DeleteGroup(group_).error().code, Code::kConflict);
  member->Close();
  EXPECT_TRUE(log_->groups().ResetOffsets(group_, {{{topic_, 0}, 1}}));
  EXPECT_EQ(log_->groups().DescribeGroup(group_)->committed.at({topic_, 0}), 1);
  EXPECT_THAT(Values(PollFor(*Member(*log_), 2)), ElementsAre("1", "2"));
  EXPECT_TRUE(log_->groups().DeleteGroup(group_));
  EXPECT_EQ(log_->groups().DescribeGroup(group_).error().code, Code::kNotFound);
  EXPECT_EQ(log_->groups().DeleteGroup(group_).error().code, Code::kNotFound);

  ASSERT_TRUE(log_->groups().ResetOffsets(group_, {{{topic_, 1}, 0}}));  // makes the group
  EXPECT_EQ(log_->groups().DescribeGroup(group_)->state, "Empty");
  const auto groups = log_->groups().ListGroups();
  ASSERT_TRUE(groups);
  EXPECT_TRUE(std::any_of(groups->begin(), groups->end(), [&](const auto& one) { return one.name == group_; }));
}

TEST_F(KafkaLogTest, OffsetsAreFoundByTime) {
  CreateTopic(2);
  for (int i = 1; i <= 3; ++i) {
    auto record = MakeRecord(topic_, 0, "v");
    record.timestamp = core::Timestamp(seconds(1'700'000'000 + i));
    ASSERT_TRUE(log_->producer().Produce({record}, Deadline::AfterSeconds(5)));
  }
  using Offsets = std::map<std::int32_t, std::int64_t>;
  const auto at = [&](int second) { return *log_->groups().OffsetsAt(topic_, core::Timestamp(seconds(second))); };
  EXPECT_EQ(at(0), (Offsets{{0, 0}, {1, 0}}));
  EXPECT_EQ(at(1'700'000'002), (Offsets{{0, 1}, {1, 0}}));
  EXPECT_EQ(at(1'700'000'009), (Offsets{{0, 3}, {1, 0}}));
  EXPECT_EQ(log_->groups().OffsetsAt(topic_ + "-none", core::Now()).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace millrace::kafka
