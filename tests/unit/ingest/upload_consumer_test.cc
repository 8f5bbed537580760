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
    relay.Start();
  }

  std::unique_ptr<UploadConsumer> NewConsumer() {
    return std::make_unique<UploadConsumer>(log.NewConsumer(core::kWorkersGroup), processor, identity,
                                            UploadConsumerOptions{}, metrics);
  }

  bool Settled() {
    relay.Wake();
    const auto counts = store.documents().Counts().value();
    if (counts.documents_by_status[static_cast<std::size_t>(core::DocumentStatus::kQueued)] > 0) return false;
    return counts.documents_by_status[static_cast<std::size_t>(core::DocumentStatus::kProcessing)] == 0;
  }

  bool EventuallySettled() {
    const auto deadline = base::Deadline::AfterSeconds(20);
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

  core::StoreIdentity identity = store.admin().Identity().value();
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

TEST(UploadConsumer, LeavesABadMessageOutAndGoesOn) {
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
  DocumentProcessor processor({f.store.effects(), f.store.contents(), f.embedder}, f.metrics, running, [] {});
  UploadConsumer next(f.log.NewConsumer(core::kWorkersGroup), processor, f.identity, {}, f.metrics);
  ASSERT_TRUE(next.Start());
  ASSERT_TRUE(f.EventuallySettled());
  next.Stop();
  EXPECT_EQ(f.store.documents().Counts()->chunks, 20);
  EXPECT_EQ(f.Lag(), 0);
}

}  // namespace
}  // namespace millrace::ingest
