#include "ingest/upload_consumer.h"

#include <gtest/gtest.h>

#include <thread>

#include "ingest/outbox_relay.h"
#include "unit/ingest/pipeline_fixture.h"

namespace millrace::ingest {
namespace {

struct ConsumerFixture : PipelineFixture {
  ConsumerFixture() {
    EXPECT_TRUE(log.admin().CreateTopic({core::kUploadsTopic, 3, 1, {}}));
    EXPECT_TRUE(log.admin().CreateTopic({core::kEventsTopic, 3, 1, {}}));
    EXPECT_TRUE(log.admin().CreateTopic({core::kDeadLettersTopic, 3, 1, {}}));
    for (const RetryTopic& topic : retry_topics) EXPECT_TRUE(log.admin().CreateTopic({topic.name, 3, 1, {}}));
    relay.Start();
  }

  std::unique_ptr<UploadConsumer> NewConsumer() {
    return std::make_unique<UploadConsumer>(log.NewConsumer(core::kWorkersGroup), processor, identity,
                                            UploadConsumerOptions{});
  }

  bool Settled() {
    relay.Wake();
    const auto counts = store.documents().Counts().value();
    if (counts.documents_by_status[static_cast<std::size_t>(core::DocumentStatus::kQueued)] > 0) return false;
    return counts.documents_by_status[static_cast<std::size_t>(core::DocumentStatus::kProcessing)] == 0;
  }

  bool EventuallySettled() {
    const auto deadline = base::Deadline::AfterSeconds(60);
    while (!deadline.expired()) {
      if (Settled()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  std::int64_t Lag() {
    std::int64_t lag = 0;
    const auto topics = log.admin().ListTopics().value();
    const auto group = log.groups().DescribeGroup(core::kWorkersGroup);
    for (const auto& topic : topics) {
      if (topic.spec.name != core::kUploadsTopic) continue;
      for (const auto& [partition, marks] : topic.watermarks) lag += marks.high;
    }
    if (!group) return lag;
    for (const auto& [partition, offset] : group->committed) lag -= offset;
    return lag;
  }

  OutboxRelay relay{store.outbox(), log.producer(), identity, metrics};
};

TEST(UploadConsumer, WorksEverythingOffAndCommitsIt) {
  ConsumerFixture f;
  auto consumer = f.NewConsumer();
  ASSERT_TRUE(consumer->Start());
  std::vector<core::DocumentId> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(f.Accept("Document number " + std::to_string(i) + ". It is short.").id);
  ASSERT_TRUE(f.EventuallySettled());
  consumer->Stop();
  for (const auto id : ids) EXPECT_EQ(f.Get(id).chunk_count, 2);
  EXPECT_EQ(f.Lag(), 0);
}

TEST(UploadConsumer, DeadLettersABadMessageAndGoesOn) {
  ConsumerFixture f;
  std::vector<core::LogRecord> records(1);
  records.front().position.topic = core::kUploadsTopic;
  records.front().key = "doc_5";
  records.front().value = "not json";
  ASSERT_TRUE(f.log.producer().Produce(std::move(records), base::Deadline::AfterSeconds(5)));
  auto consumer = f.NewConsumer();
  ASSERT_TRUE(consumer->Start());
  const auto accepted = f.Accept("Good text.");
  ASSERT_TRUE(f.EventuallySettled());
  consumer->Stop();
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kIndexed);
  EXPECT_EQ(f.Lag(), 0) << "a bad message must not hold the partition";
  const auto letters = f.store.dead_letters().List({}).value();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters.front().error.code, "bad_message");
  EXPECT_EQ(letters.front().original.topic, core::kUploadsTopic);
  EXPECT_EQ(f.store.dead_letters().Payload(letters.front().id)->value, "not json");
}

TEST(UploadConsumer, TheNextRunTakesUpWhatAStoppedOneLeft) {
  ConsumerFixture f;
  f.embedder.FailTimes(1'000'000);
  auto consumer = f.NewConsumer();
  ASSERT_TRUE(consumer->Start());
  for (int i = 0; i < 20; ++i) f.Accept("Document number " + std::to_string(i) + ".");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  f.stop.Stop();
  consumer->Stop();
  EXPECT_EQ(f.store.documents().Counts()->chunks, 0);

  f.embedder.FailTimes(0);
  base::StopFlag running;
  const auto processor = f.NewProcessor("worker-2", running);
  UploadConsumer next(f.log.NewConsumer(core::kWorkersGroup), *processor, f.identity, {});
  ASSERT_TRUE(next.Start());
  ASSERT_TRUE(f.EventuallySettled());
  next.Stop();
  EXPECT_EQ(f.store.documents().Counts()->chunks, 20);
  EXPECT_EQ(f.Lag(), 0);
}

/// A copy on the first retry topic, due at `not_before`.
core::LogRecord CopyDue(const ConsumerFixture& f, const core::Accepted& accepted, core::Timestamp not_before) {
  core::OutboxRow row;
  row.topic = f.retry_topics.front().name;
  row.document_id = accepted.id;
  row.version = accepted.version;
  row.content = "Waits for its time.";
  core::LogRecord record = EncodeUpload(row, f.identity);
  record.headers.push_back({"millrace-not-before", std::to_string(not_before.time_since_epoch().count())});
  return record;
}

TEST(UploadConsumer, ARetryIsNotBegunBeforeItsTime) {
  ConsumerFixture f;
  f.relay.Stop(base::Deadline::Expired());  // so that nothing but the copy can index it
  const auto accepted = f.Accept("Waits for its time.");
  std::atomic<std::int64_t> clock{1'000'000};
  UploadConsumerOptions options = OptionsOf(f.retry_topics.front());
  options.delay = std::chrono::hours(1);
  options.clock = [&] { return core::Timestamp(std::chrono::milliseconds(clock.load())); };
  const core::Timestamp due(std::chrono::milliseconds(1'005'000));
  ASSERT_TRUE(f.log.producer().Produce({CopyDue(f, accepted, due)}, base::Deadline::AfterSeconds(5)));
  UploadConsumer consumer(f.log.NewConsumer(f.retry_topics.front().group), f.processor, f.identity, options);
  ASSERT_TRUE(consumer.Start());
  clock = 1'004'999;
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kQueued);
  EXPECT_EQ(consumer.in_flight(), 0) << "what waits is not in work";
  clock = 1'005'000;
  const auto patience = base::Deadline::AfterSeconds(60);
  while (f.Get(accepted.id).status != core::DocumentStatus::kIndexed && !patience.expired()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  consumer.Stop();
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kIndexed);
}

TEST(UploadConsumer, AClockThatJumpedHoldsNothingLongerThanTheDelay) {
  ConsumerFixture f;
  f.relay.Stop(base::Deadline::Expired());
  const auto accepted = f.Accept("Waits for its time.");
  UploadConsumerOptions options = OptionsOf(f.retry_topics.front());
  options.delay = std::chrono::milliseconds(300);
  const auto absurd = core::Now() + std::chrono::hours(24 * 365);
  ASSERT_TRUE(f.log.producer().Produce({CopyDue(f, accepted, absurd)}, base::Deadline::AfterSeconds(5)));
  UploadConsumer consumer(f.log.NewConsumer(f.retry_topics.front().group), f.processor, f.identity, options);
  ASSERT_TRUE(consumer.Start());
  const auto patience = base::Deadline::AfterSeconds(60);
  while (f.Get(accepted.id).status != core::DocumentStatus::kIndexed && !patience.expired()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  consumer.Stop();
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kIndexed);
}

TEST(UploadConsumer, AWaitingRetryKeepsItsOffset) {
  ConsumerFixture f;
  f.relay.Stop(base::Deadline::Expired());
  const auto accepted = f.Accept("Waits for its time.");
  UploadConsumerOptions options = OptionsOf(f.retry_topics.front());
  options.delay = std::chrono::hours(1);
  const auto later = core::Now() + std::chrono::minutes(30);
  ASSERT_TRUE(f.log.producer().Produce({CopyDue(f, accepted, later)}, base::Deadline::AfterSeconds(5)));
  UploadConsumer consumer(f.log.NewConsumer(f.retry_topics.front().group), f.processor, f.identity, options);
  ASSERT_TRUE(consumer.Start());
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  consumer.Stop();
  const auto group = f.log.groups().DescribeGroup(f.retry_topics.front().group);
  ASSERT_TRUE(group);
  EXPECT_TRUE(group->committed.empty());
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kQueued);
}

}  // namespace
}  // namespace millrace::ingest
