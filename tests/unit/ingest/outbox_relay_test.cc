#include "ingest/outbox_relay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "ingest/upload_message.h"
#include "unit/eventually.h"
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

/// A topic that takes no value longer than `limit`; what comes together with a longer one is refused with it, as a
/// broker does.
class SmallTopic final : public core::LogProducer {
 public:
  SmallTopic(core::LogProducer& next, std::size_t limit) : next_(next), limit_(limit) {}
  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override {
    const bool fit = std::all_of(records.begin(), records.end(), [this](const core::LogRecord& record) {
      return record.position.topic != core::kUploadsTopic || record.value->size() <= limit_;
    });
    ++calls;
    if (fit) return next_.Produce(std::move(records), deadline);
    ++refused;
    const base::Error error{base::Code::kTooLarge, "the record is too large", {}};
    return std::vector<base::Result<core::Position>>(records.size(), error);
  }
  std::atomic<int> calls{0}, refused{0};

 private:
  core::LogProducer& next_;
  const std::size_t limit_;
};

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

struct SmallFixture : PipelineFixture {
  explicit SmallFixture(std::size_t limit) : topic(log.producer(), limit) {
    for (const char* name : {core::kUploadsTopic, core::kEventsTopic}) {
      EXPECT_TRUE(log.admin().CreateTopic({name, 1, 1, {}}));
    }
  }
  std::int64_t Rows() { return store.outbox().Backlog()->rows; }
  std::optional<std::string> TextInMessage(core::DocumentId id) {
    const auto reader = log.NewConsumer("");
    EXPECT_TRUE(reader->Assign({*Get(id).position}));
    return DecodeUpload(reader->Poll(1, base::Deadline::AfterSeconds(5))->at(0), identity)->content;
  }

  SmallTopic topic;
  OutboxRelay relay{store.outbox(), topic, identity, metrics};
};

TEST(OutboxRelay, WhatIsTooLargeForItsTopicGoesByReferenceAndHoldsUpNobody) {
  SmallFixture f(2000);
  std::vector<core::DocumentId> small;
  for (int i = 0; i < 20; ++i) small.push_back(f.Accept("Some text.").id);
  const auto large = f.Accept(std::string(5000, 'a'));
  for (int i = 0; i < 20; ++i) small.push_back(f.Accept("Some text.").id);
  f.relay.Start();
  ASSERT_TRUE(Eventually([&] { return f.Rows() == 0; }));
  for (const core::DocumentId id : small) EXPECT_EQ(f.TextInMessage(id), "Some text.") << id;
  EXPECT_EQ(f.TextInMessage(large.id), std::nullopt);

  const int refused = f.topic.refused;
  const auto next = f.Accept(std::string(5000, 'b'));
  f.relay.Wake();
  ASSERT_TRUE(Eventually([&] { return f.Rows() == 0; }));
  EXPECT_EQ(f.TextInMessage(next.id), std::nullopt);
  EXPECT_EQ(f.topic.refused, refused) << "what the topic does not take is known by now";
  f.relay.Stop(base::Deadline::AfterSeconds(5));
}

TEST(OutboxRelay, WhatATopicTakesInNoFormIsKeptAndHoldsUpNobody) {
  SmallFixture f(10);
  f.Accept("Some text.");
  f.relay.Start();
  ASSERT_TRUE(Eventually([&] { return f.Rows() == 1; })) << "its event has gone";
  const int calls = f.topic.calls;
  f.relay.Wake();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_EQ(f.topic.calls, calls) << "it is not tried all the time";
  EXPECT_EQ(f.Rows(), 1);
  f.relay.Stop(base::Deadline::AfterSeconds(5));
}

}  // namespace
}  // namespace millrace::ingest
