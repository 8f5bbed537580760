#include <atomic>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

using base::Code;
using base::Deadline;
using core::TopicPartition;
using std::chrono::milliseconds;

class LogTest : public StoreTest {
 protected:
  void CreateTopic(const std::string& name, std::int32_t partitions,
                   std::optional<milliseconds> retention = std::nullopt) {
    core::TopicSpec spec{name, partitions, 1, {}};
    if (retention) spec.config["retention.ms"] = std::to_string(retention->count());
    ASSERT_TRUE(db().log_admin().CreateTopic(spec));
  }
  core::Position Produce(const std::string& topic, std::int32_t partition, const std::string& value,
                         core::Timestamp timestamp = core::Now()) {
    core::LogRecord record{{topic, partition, -1}, "k", value, {{"h", std::string("\0v", 2)}}, timestamp};
    auto produced = db().producer().Produce({record}, Soon());
    EXPECT_TRUE(produced && produced->front());
    return *produced->front();
  }
  std::int64_t Low(const std::string& topic, std::int32_t partition) {
    const auto topics = db().log_admin().ListTopics();
    for (const auto& info : *topics) {
      if (info.spec.name == topic) return info.watermarks.at(partition).low;
    }
    return -1;
  }
};

/// A member that polls in a thread of its own until it is told to stop.
class PollingMember {
 public:
  PollingMember(SqliteDatabase& db, const std::string& group, const std::string& topic)
      : consumer_(db.NewConsumer(group)) {
    EXPECT_TRUE(consumer_->Subscribe({topic}, {[this](const auto& taken) { held_ += static_cast<int>(taken.size()); },
                                               [this](const auto& gone) { held_ -= static_cast<int>(gone.size()); }}));
    thread_ = std::thread([this] {
      while (!stop_) EXPECT_TRUE(consumer_->Poll(10, Deadline::AfterSeconds(0.05)));
      consumer_->Close();
    });
  }
  ~PollingMember() {
    stop_ = true;
    thread_.join();
  }
  int held() const { return held_; }

 private:
  std::unique_ptr<core::LogConsumer> consumer_;
  std::atomic<int> held_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

bool Eventually(const std::function<bool()>& holds) {
  for (const Deadline deadline = Soon(); !deadline.expired(); std::this_thread::sleep_for(milliseconds(5))) {
    if (holds()) return true;
  }
  return false;
}

TEST_F(LogTest, PartitionsAreSharedAndComeBackWhenAMemberLeaves) {
  CreateTopic("t", 5);
  PollingMember first(db(), "g", "t");
  EXPECT_TRUE(Eventually([&] { return first.held() == 5; }));
  {
    PollingMember second(db(), "g", "t"), third(db(), "g", "t");
    EXPECT_TRUE(Eventually([&] { return first.held() == 2 && second.held() == 2 && third.held() == 1; }));
  }
  EXPECT_TRUE(Eventually([&] { return first.held() == 5; }));
}

TEST_F(LogTest, ARevokedPartitionCanBeCommittedUntilTheListenerReturns) {
  CreateTopic("t", 2);
  Produce("t", 1, "a");
  auto first = db().NewConsumer("g");
  std::vector<base::Status> commits;
  ASSERT_TRUE(first->Subscribe({"t"}, {nullptr, [&](const std::vector<TopicPartition>& revoked) {
                                         EXPECT_EQ(revoked, (std::vector<TopicPartition>{{"t", 1}}));
                                         commits.push_back(first->Commit({{{"t", 1}, 1}}));
                                       }}));
  ASSERT_EQ(first->Poll(10, Soon())->size(), 1u);
  auto second = db().NewConsumer("g");
  ASSERT_TRUE(second->Subscribe({"t"}, {}));
  EXPECT_TRUE(second->Poll(10, Deadline::Expired())->empty());
  EXPECT_EQ(second->Commit({{{"t", 1}, 0}}).error().code, Code::kConflict);  // not yet given up
  EXPECT_TRUE(first->Poll(10, Deadline::Expired())->empty());
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_TRUE(commits[0]);
  EXPECT_EQ(first->Commit({{{"t", 1}, 0}}).error().code, Code::kConflict);
  EXPECT_TRUE(second->Poll(10, Deadline::Expired())->empty());  // it begins behind what was committed
  EXPECT_TRUE(second->Commit({{{"t", 1}, 1}}));
}

TEST_F(LogTest, ASilentMemberCannotCommitEvenWhenItLearnsOfIt) {
  options_.member_silence = milliseconds(150);
  CreateTopic("t", 2);
  Produce("t", 1, "b");
  auto silent = db().NewConsumer("g");
  int revoked = 0;
  ASSERT_TRUE(silent->Subscribe({"t"}, {nullptr, [&](const auto& gone) {
                                          revoked += static_cast<int>(gone.size());
                                          EXPECT_EQ(silent->Commit({{{"t", 1}, 0}}).error().code, Code::kConflict);
                                        }}));
  ASSERT_EQ(silent->Poll(1, Soon())->size(), 1u);
  auto next = db().NewConsumer("g");
  ASSERT_TRUE(next->Subscribe({"t"}, {}));
  const auto taken = next->Poll(1, Soon());
  ASSERT_TRUE(taken);
  ASSERT_EQ(taken->size(), 1u);
  EXPECT_TRUE(next->Commit({{{"t", 1}, 1}}));
  EXPECT_EQ(revoked, 0);
  EXPECT_TRUE(silent->Poll(1, Deadline::Expired()));
  EXPECT_EQ(revoked, 2);
  EXPECT_EQ(db().group_admin().DescribeGroup("g")->committed.at({"t", 1}), 1);
}

TEST_F(LogTest, OffsetsSurviveARestart) {
  CreateTopic("t", 1);
  for (const char* value : {"a", "b", "c"}) Produce("t", 0, value);
  auto consumer = db().NewConsumer("g");
  ASSERT_TRUE(consumer->Subscribe({"t"}, {}));
  ASSERT_EQ(consumer->Poll(10, Soon())->size(), 3u);
  EXPECT_EQ(consumer->Commit({{{"t", 0}, 4}}).error().code, Code::kInvalidArgument);
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));
  consumer.reset();
  Close();
  EXPECT_EQ(db().group_admin().DescribeGroup("g")->committed.at({"t", 0}), 2);
  consumer = db().NewConsumer("g");
  ASSERT_TRUE(consumer->Subscribe({"t"}, {}));
  const auto records = consumer->Poll(10, Soon());
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ(records->front().value, "c");
  EXPECT_EQ(records->front().headers.at(0).value, std::string("\0v", 2));
  EXPECT_EQ(Produce("t", 0, "d").offset, 3);
}

TEST_F(LogTest, PollWakesForWhatIsProduced) {
  CreateTopic("t", 1);
  auto consumer = db().NewConsumer("");
  ASSERT_TRUE(consumer->Assign({{"t", 0, 0}}));
  std::thread producer([&] {
    std::this_thread::sleep_for(milliseconds(50));
    Produce("t", 0, "a");
  });
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(consumer->Poll(10, Soon())->size(), 1u);
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(10));
  producer.join();
}

TEST_F(LogTest, RetentionStopsAtWhatAGroupHasNotReadAndNeverGoesBack) {
  CreateTopic("t", 1, std::chrono::hours(1));
  const core::Timestamp old = core::Now() - std::chrono::hours(2);
  std::vector<core::LogRecord> records(1500, {{"t", 0, -1}, std::nullopt, "old", {}, old});
  ASSERT_TRUE(db().producer().Produce(records, Soon()));
  auto consumer = db().NewConsumer("g");
  ASSERT_TRUE(consumer->Subscribe({"t"}, {}));
  ASSERT_TRUE(consumer->Poll(1, Soon()));
  EXPECT_EQ(*db().log_admin().ApplyRetention(core::Now()), 0);  // it reads the topic and has committed nothing
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 1200}}));
  EXPECT_EQ(*db().log_admin().ApplyRetention(core::Now()), 1200);  // in two transactions
  EXPECT_EQ(Low("t", 0), 1200);
  EXPECT_EQ(*db().log_admin().ApplyRetention(core::Now()), 0);
  auto late = db().NewConsumer("");
  ASSERT_TRUE(late->Assign({{"t", 0, 5}}));  // out of range
  EXPECT_EQ(late->Poll(1, Soon())->front().position.offset, 1200);
  consumer.reset();
  late.reset();
  Close();
  EXPECT_EQ(Low("t", 0), 1200);
}

TEST_F(LogTest, AnUnreadTopicIsTrimmedByTimeUpToTheFirstYoungRecord) {
  CreateTopic("t", 1, std::chrono::hours(1));
  const core::Timestamp old = core::Now() - std::chrono::hours(2);
  Produce("t", 0, "old", old);
  Produce("t", 0, "young");
  Produce("t", 0, "old but behind", old);
  EXPECT_EQ(*db().log_admin().ApplyRetention(core::Now()), 1);
  EXPECT_EQ(Low("t", 0), 1);
}

TEST_F(LogTest, ATopicMadeAnewIsReadFromItsStart) {
  CreateTopic("t", 1);
  for (int i = 0; i < 3; ++i) Produce("t", 0, "before");
  auto consumer = db().NewConsumer("g");
  ASSERT_TRUE(consumer->Subscribe({"t"}, {}));
  ASSERT_EQ(consumer->Poll(2, Soon())->size(), 2u);
  ASSERT_TRUE(consumer->Commit({{{"t", 0}, 2}}));
  ASSERT_TRUE(db().log_admin().DeleteTopic("t"));
  EXPECT_TRUE(consumer->Poll(10, Deadline::Expired())->empty());
  CreateTopic("t", 1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Produce("t", 0, "after").offset, i);
  const auto records = consumer->Poll(10, Soon());
  ASSERT_EQ(records->size(), 4u);  // its old offset is not taken for one of the new topic
  EXPECT_EQ(records->front().value, "after");
}

TEST_F(LogTest, MoreThanATransactionRemovesIsEmptied) {
  CreateTopic("t", 2);
  std::vector<core::LogRecord> records(2500, {{"t", 1, -1}, std::nullopt, "v", {}, core::Now()});
  ASSERT_TRUE(db().producer().Produce(records, Soon()));
  EXPECT_EQ(*db().log_admin().EmptyTopic("t"), 2500);
  EXPECT_EQ(Low("t", 1), 2500);
}

TEST_F(LogTest, ATopicMadeAnewWhileItsPredecessorIsEmptiedIsLeftAlone) {
  constexpr std::int32_t kPartitions = 100;  // emptied one after the other
  core::LogAdmin& admin = db().log_admin();
  int times_between = 0;  // that the topic was made anew while there was more of the old one to remove
  for (const Deadline deadline = Soon(); times_between < 5 && !deadline.expired();) {
    CreateTopic("t", kPartitions);
    std::vector<core::LogRecord> records;
    for (std::int32_t p = 0; p < kPartitions; ++p) records.push_back({{"t", p, -1}, std::nullopt, "before", {}, {}});
    ASSERT_TRUE(db().producer().Produce(std::move(records), Soon()));
    base::Result<std::int64_t> emptied = 0;
    std::thread emptying([&] { emptied = admin.EmptyTopic("t"); });
    EXPECT_TRUE(Eventually([&] { return Low("t", 0) == 1; }));
    std::thread making([&] {  // at the first moment at which the name is free
      while (!admin.CreateTopic({"t", kPartitions, 1, {}})) {
      }
    });
    EXPECT_TRUE(admin.DeleteTopic("t"));
    making.join();
    emptying.join();
    if (!emptied && emptied.error().code == Code::kNotFound) ++times_between;
    for (std::int32_t p = 0; p < kPartitions; ++p) EXPECT_EQ(Low("t", p), 0) << p;
    EXPECT_TRUE(admin.DeleteTopic("t"));
  }
  EXPECT_GT(times_between, 0) << "no round hit the moment between the two";
}

TEST_F(LogTest, ConcurrentProducersLeaveNoGapAndNoDouble) {
  CreateTopic("t", 2);
  std::vector<std::thread> producers;
  for (int p = 0; p < 4; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < 50; ++i) Produce("t", i % 2, std::to_string(p) + "-" + std::to_string(i));
    });
  }
  auto consumer = db().NewConsumer("");
  ASSERT_TRUE(consumer->Assign({{"t", 0, 0}, {"t", 1, 0}}));
  std::map<std::int32_t, std::int64_t> next;
  std::set<std::string> values;
  while (values.size() < 200) {
    const auto records = consumer->Poll(7, Soon());
    ASSERT_TRUE(records);
    ASSERT_FALSE(records->empty());
    for (const auto& record : *records) {
      ASSERT_EQ(record.position.offset, next[record.position.partition]++);
      ASSERT_TRUE(values.insert(*record.value).second);
    }
  }
  for (auto& producer : producers) producer.join();
}

}  // namespace
}  // namespace millrace::sqlite
