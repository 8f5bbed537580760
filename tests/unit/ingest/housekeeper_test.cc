#include "ingest/housekeeper.h"

#include <gtest/gtest.h>

#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"

namespace millrace::ingest {
namespace {

class HousekeeperTest : public testing::Test {
 protected:
  Housekeeper Make(std::string id) {
    return {{store_.admin(), store_.outbox(), log_.admin(), log_.groups(), instances_},
            std::move(id),
            ParseRetryDelays("5s").value(),
            metrics_};
  }

  static base::Deadline Soon() { return base::Deadline::AfterSeconds(20); }
  static core::NewDocument Document() {
    core::NewDocument document;
    document.content = "text";
    return document;
  }
  static core::LogRecord Upload() {
    core::LogRecord record;
    record.position.topic = core::kUploadsTopic;
    record.value = "{}";
    return record;
  }

  void Accept() {
    const core::NewDocument document = Document();
    ASSERT_TRUE(store_.documents().Accept({&document, 1}, Soon()));
  }
  /// Everything the outbox owes lies in a log that has lost it.
  void Send() {
    const auto rows = store_.outbox().Claim(100, 1 << 20, std::chrono::minutes(1));
    ASSERT_TRUE(rows);
    for (const core::OutboxRow& row : *rows) {
      const core::Sent sent{row.id, {row.topic, 1, 7}};
      ASSERT_TRUE(store_.outbox().MarkSent({&sent, 1}));
    }
  }
  std::int64_t Waiting() { return store_.outbox().Backlog()->rows; }

  memory::MemoryStore store_;
  memory::MemoryLog log_;
  memory::InstanceTable instances_;
  base::Metrics metrics_;
  const core::Timestamp later_ = core::Now() + std::chrono::minutes(5);
};

TEST_F(HousekeeperTest, PublishesAgainWhatCannotArrive) {
  Housekeeper housekeeper = Make("one");
  Accept();
  Send();
  ASSERT_TRUE(housekeeper.Sweep(core::Now()));
  EXPECT_EQ(Waiting(), 0) << "it may still be on its way";
  ASSERT_TRUE(housekeeper.Sweep(later_));
  EXPECT_EQ(Waiting(), 1);
}

TEST_F(HousekeeperTest, FindsWhatIsLostBehindALongBacklog) {
  constexpr std::size_t kBacklog = 12'000;
  ASSERT_TRUE(log_.admin().CreateTopic({core::kUploadsTopic, 1, 1, {}}));
  const auto written = log_.producer().Produce(std::vector<core::LogRecord>(kBacklog, Upload()), Soon());
  ASSERT_TRUE(written);
  ASSERT_TRUE(store_.documents().Accept(std::vector<core::NewDocument>(kBacklog, Document()), Soon()));
  const auto rows = store_.outbox().Claim(3 * kBacklog, 1 << 20, std::chrono::minutes(1));
  ASSERT_TRUE(rows);
  std::vector<core::Sent> sent;
  std::int64_t offset = 0;
  for (const core::OutboxRow& row : *rows) {
    sent.push_back({row.id, {row.topic, 0, row.topic == core::kUploadsTopic ? offset++ : 0}});
  }
  ASSERT_TRUE(store_.outbox().MarkSent(sent));
  Accept();
  Send();
  Housekeeper housekeeper = Make("one");
  ASSERT_TRUE(housekeeper.Sweep(later_));
  EXPECT_EQ(Waiting(), 1);
  Send();
  ASSERT_TRUE(housekeeper.Sweep(later_));
  EXPECT_EQ(Waiting(), 1) << "the next round begins anew";
}

TEST_F(HousekeeperTest, ACopyForAnotherTryThatNobodyWillReadIsNotWaitedFor) {
  const RetryTopic retry = ParseRetryDelays("5s").value().front();
  ASSERT_TRUE(log_.admin().CreateTopic({retry.name, 1, 1, {}}));
  core::LogRecord copy = Upload();
  copy.position.topic = retry.name;
  Accept();
  Send();
  core::Work work;
  work.id = work.version = 1;
  ASSERT_TRUE(store_.effects().Begin({&work, 1}, "worker", Soon()));
  const core::Failure failure{1, 1, {"code", "message", "embed"}, core::Retry{copy, core::Now()}, {}};
  ASSERT_TRUE(store_.effects().Fail({&failure, 1}, Soon()));
  Send();
  Send();  // what waited behind other events
  ASSERT_TRUE(log_.producer().Produce({copy}, Soon()));
  ASSERT_EQ(Waiting(), 0);

  Housekeeper housekeeper = Make("one");
  auto reader = log_.NewConsumer(retry.group);
  ASSERT_TRUE(reader->Subscribe({retry.name}, {}));
  ASSERT_TRUE(reader->Poll(0, base::Deadline::After(std::chrono::milliseconds(10))));
  ASSERT_TRUE(housekeeper.Sweep(later_));
  EXPECT_EQ(Waiting(), 0) << "a member of the group will read it";
  reader->Close();
  ASSERT_TRUE(housekeeper.Sweep(later_));
  EXPECT_EQ(Waiting(), 1);
}

TEST_F(HousekeeperTest, OneOfManySweeps) {
  Housekeeper one = Make("one"), two = Make("two");
  Accept();
  Send();
  ASSERT_TRUE(one.Sweep(later_));
  EXPECT_EQ(Waiting(), 1);
  Send();
  ASSERT_TRUE(two.Sweep(later_));
  EXPECT_EQ(Waiting(), 0) << "it is not its turn";
  ASSERT_TRUE(one.Sweep(later_));
  EXPECT_EQ(Waiting(), 1);
}

TEST_F(HousekeeperTest, AnotherTakesOver) {
  Housekeeper two = Make("two");
  Accept();
  Send();
  ASSERT_TRUE(instances_.Acquire("housekeeper", "died", std::chrono::milliseconds(1)));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_TRUE(two.Sweep(later_));
  EXPECT_EQ(Waiting(), 1);
}

}  // namespace
}  // namespace millrace::ingest
