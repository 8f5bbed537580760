#include "ingest/outbox_relay.h"

#include <gtest/gtest.h>

#include <thread>

#include "ingest/upload_message.h"
#include "unit/ingest/pipeline_fixture.h"

namespace millrace::ingest {
namespace {

/// A log that refuses everything while it is down.
class FlakyProducer final : public core::LogProducer {
 public:
  explicit FlakyProducer(core::LogProducer& next) : next_(next) {}
  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override {
    if (down) return base::Error{base::Code::kUnavailable, "the log is down", {}};
    return next_.Produce(std::move(records), deadline);
  }
  std::atomic<bool> down{false};

 private:
  core::LogProducer& next_;
};

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = base::Deadline::AfterSeconds(10);
  while (!deadline.expired()) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(OutboxRelay, DeliversWhatWasCommittedAndResumesAfterAnOutage) {
  PipelineFixture f;
  ASSERT_TRUE(f.log.admin().CreateTopic({core::kUploadsTopic, 3, 1, {}}));
  ASSERT_TRUE(f.log.admin().CreateTopic({core::kEventsTopic, 3, 1, {}}));
  FlakyProducer producer(f.log.producer());
  producer.down = true;
  OutboxRelay relay(f.store.outbox(), producer, f.store.admin().Identity().value(), f.metrics);
  relay.Start();
  const auto accepted = f.Accept("Some text.");
  relay.Wake();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(f.Get(accepted.id).position);

  producer.down = false;
  ASSERT_TRUE(Eventually([&] { return f.Get(accepted.id).position.has_value(); }));
  ASSERT_TRUE(Eventually([&] { return f.store.outbox().Backlog()->rows == 0; }));
  relay.Stop(base::Deadline::AfterSeconds(5));

  auto reader = f.log.NewConsumer("");
  ASSERT_TRUE(reader->Assign({*f.Get(accepted.id).position}));
  const auto records = reader->Poll(10, base::Deadline::AfterSeconds(5));
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1U);
  const auto upload = DecodeUpload(records->front(), f.store.admin().Identity().value());
  ASSERT_TRUE(upload);
  EXPECT_EQ(upload->work.version, accepted.version);
}

}  // namespace
}  // namespace millrace::ingest
