#include "ingest/webhook_dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "core/document_event.h"
#include "core/sha256.h"
#include "ingest/dead_letter_service.h"
#include "unit/eventually.h"

namespace millrace::ingest {
namespace {

using core::DocumentStatus;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const core::StoreIdentity kStore{"store-1", 1};

/// Answers each document as told; 200 to all others. Remembers what it accepted.
class FakeReceiver final : public core::WebhookEndpoint {
 public:
  base::Result<core::WebhookAnswer> Post(const core::WebhookRequest& request, base::Deadline) override {
    const auto event = core::ParseEvent(request.body);
    std::lock_guard lock(mutex_);
    received_.push_back(request);
    const auto found = answers_.find(event->document_id);
    const int status = away_ ? 0 : found == answers_.end() ? 200 : found->second;
    if (status == 0) return base::Error{base::Code::kUnavailable, "nobody answers", {}};
    if (status == 200) accepted_.push_back(request);
    return core::WebhookAnswer{status, std::nullopt};
  }

  void Answer(core::DocumentId id, int status) {  // 0: not at all
    std::lock_guard lock(mutex_);
    answers_[id] = status;
  }
  void SetAway(bool away) {
    std::lock_guard lock(mutex_);
    away_ = away;
  }
  int requests() const {
    std::lock_guard lock(mutex_);
    return static_cast<int>(received_.size());
  }
  std::vector<core::WebhookRequest> received() const {
    std::lock_guard lock(mutex_);
    return received_;
  }
  std::vector<core::WebhookRequest> accepted() const {
    std::lock_guard lock(mutex_);
    return accepted_;
  }
  /// Of one document, in the order in which they came.
  std::vector<std::string> Statuses(core::DocumentId id) const {
    std::vector<std::string> statuses;
    for (const auto& request : accepted()) {
      const auto event = core::ParseEvent(request.body);
      if (event->document_id == id) statuses.emplace_back(core::StatusName(event->status));
    }
    return statuses;
  }

 private:
  mutable std::mutex mutex_;
  std::map<core::DocumentId, int> answers_;
  bool away_ = false;
  std::vector<core::WebhookRequest> received_, accepted_;
};

class WebhookDispatcherTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* topic : {core::kEventsTopic, core::kWebhookRetriesTopic, core::kDeadLettersTopic}) {
      ASSERT_TRUE(log_.admin().CreateTopic({topic, 3, 1, {}}));
    }
    options_.statuses = {DocumentStatus::kIndexed, DocumentStatus::kFailed, DocumentStatus::kDeleted};
    options_.retry_delays = {milliseconds(2), milliseconds(4)};
    options_.first_pause = milliseconds(2);
    options_.longest_pause = milliseconds(20);
  }

  std::unique_ptr<WebhookDispatcher> Started() {
    auto dispatcher = std::make_unique<WebhookDispatcher>(
        log_.NewConsumer(core::kWebhooksGroup),
        WebhookDispatcher::Ports{receiver_, store_.effects(), store_.dead_letters()}, kStore, options_, metrics_);
    EXPECT_TRUE(dispatcher->Start());
    return dispatcher;
  }

  void Tell(core::DocumentId id, DocumentStatus status, core::Timestamp at = core::Now()) {
    core::DocumentEvent event;
    event.document_id = id;
    event.version = 1;
    event.status = status;
    event.at = at;
    core::LogRecord record;
    record.position.topic = core::kEventsTopic;
    record.key = core::DocumentKey(id);
    record.value = core::FormatEvent(event);
    record.timestamp = core::Now();
    Produce(std::move(record));
  }
  static std::string IdOf(const core::WebhookRequest& request) {
    const std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
    return headers.at("Millrace-Event-Id");
  }
  void Produce(core::LogRecord record) {
    const auto produced = log_.producer().Produce({std::move(record)}, base::Deadline::AfterSeconds(5));
    ASSERT_TRUE(produced && produced->front());
  }

  std::int64_t Committed() {
    const auto group = log_.groups().DescribeGroup(core::kWebhooksGroup);
    std::int64_t sum = 0;
    if (group) {
      for (const auto& [partition, next] : group->committed) sum += next;
    }
    return sum;
  }
  std::vector<core::DeadLetter> Letters() { return store_.dead_letters().List({}).value(); }
  bool Paused() { return metrics_.Render().find("\nmillrace_webhook_paused 1") != std::string::npos; }

  /// What the relay does.
  void DeliverOutbox() {
    const auto rows = store_.outbox().Claim(100, 1000, milliseconds(1000)).value();
    for (const core::OutboxRow& row : rows) {
      Produce(*row.record);
      const core::Sent sent{row.id, {row.topic, 0, 0}};
      ASSERT_TRUE(store_.outbox().MarkSent({&sent, 1}));
    }
  }

  memory::MemoryLog log_;
  memory::MemoryStore store_;
  base::Metrics metrics_;
  FakeReceiver receiver_;
  WebhookOptions options_;
};

TEST_F(WebhookDispatcherTest, SendsWhatIsAskedForOnceAndInOrder) {
  const auto dispatcher = Started();
  for (const auto status : {DocumentStatus::kQueued, DocumentStatus::kIndexed, DocumentStatus::kDeleted})
    Tell(7, status);
  Tell(8, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return Committed() == 4; }));
  EXPECT_THAT(receiver_.Statuses(7), ElementsAre("indexed", "deleted"));
  EXPECT_THAT(receiver_.Statuses(8), ElementsAre("indexed"));
  EXPECT_EQ(receiver_.requests(), 3);
}

TEST_F(WebhookDispatcherTest, SignsTimeAndBody) {
  options_.secret = "whsec";
  const auto dispatcher = Started();
  Tell(7, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return !receiver_.accepted().empty(); }));
  const core::WebhookRequest request = receiver_.accepted().front();
  const std::map<std::string, std::string> headers(request.headers.begin(), request.headers.end());
  EXPECT_EQ(headers.at("Millrace-Signature"),
            "v1=" + core::HmacSha256Hex("whsec", headers.at("Millrace-Timestamp") + "." + request.body));
  EXPECT_TRUE(headers.at("Millrace-Event-Id").starts_with("document-events-")) << headers.at("Millrace-Event-Id");
  EXPECT_EQ(headers.at("Content-Type"), "application/json");
}

TEST_F(WebhookDispatcherTest, AFailingEventHoldsUpItsOwnDocumentAlone) {
  options_.retry_delays.assign(100'000, milliseconds(2));  // it is not given up before the receiver takes it
  receiver_.Answer(7, 500);
  const auto dispatcher = Started();
  Tell(7, DocumentStatus::kIndexed);
  Tell(7, DocumentStatus::kDeleted);
  Tell(8, DocumentStatus::kIndexed);
  Tell(9, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return receiver_.accepted().size() == 2 && receiver_.requests() >= 5; }));
  EXPECT_THAT(receiver_.Statuses(7), IsEmpty());
  receiver_.Answer(7, 200);
  ASSERT_TRUE(Eventually([&] { return Committed() == 4; }));
  EXPECT_THAT(receiver_.Statuses(7), ElementsAre("indexed", "deleted"));
  EXPECT_THAT(Letters(), IsEmpty());
}

TEST_F(WebhookDispatcherTest, AfterItsLastTryItIsADeadLetterAndTheNextOneGoes) {
  receiver_.Answer(7, 500);
  const auto dispatcher = Started();
  Tell(7, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return Letters().size() == 1; }));
  EXPECT_EQ(receiver_.requests(), 3);
  const core::DeadLetter letter = Letters().front();
  EXPECT_EQ(letter.error.code, "webhook_failed");
  EXPECT_EQ(letter.error.stage, "webhook");
  EXPECT_EQ(letter.error.message, "the receiver answered 500");
  EXPECT_EQ(letter.attempts, 3);
  EXPECT_EQ(letter.original.topic, core::kEventsTopic);
  receiver_.Answer(7, 200);
  Tell(7, DocumentStatus::kDeleted);
  ASSERT_TRUE(Eventually([&] { return Committed() == 2; }));
  EXPECT_THAT(receiver_.Statuses(7), ElementsAre("deleted"));
}

TEST_F(WebhookDispatcherTest, ARefusedEventIsNotTriedAgain) {
  for (const int status : {301, 400, 404, 410}) receiver_.Answer(status, status);
  const auto dispatcher = Started();
  for (const int status : {301, 400, 404, 410}) Tell(status, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return Committed() == 4; }));
  EXPECT_EQ(receiver_.requests(), 4);
  EXPECT_THAT(Letters(), SizeIs(4));
  for (const auto& letter : Letters()) EXPECT_EQ(letter.error.code, "webhook_refused");
}

TEST_F(WebhookDispatcherTest, AReceiverThatIsAwayIsWaitedForAndNothingIsGivenUp) {
  receiver_.SetAway(true);
  const auto dispatcher = Started();
  for (int id = 1; id <= 5; ++id) Tell(id, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return receiver_.requests() > 20; }));  // many more than the tries of an event
  EXPECT_THAT(Letters(), IsEmpty());
  EXPECT_TRUE(Paused());
  receiver_.SetAway(false);
  ASSERT_TRUE(Eventually([&] { return Committed() == 5; }));
  EXPECT_THAT(receiver_.accepted(), SizeIs(5));
  EXPECT_FALSE(Paused());
}

TEST_F(WebhookDispatcherTest, AnEventThatAloneGetsNoAnswerIsGivenUp) {
  receiver_.Answer(7, 0);
  const auto dispatcher = Started();
  Tell(7, DocumentStatus::kIndexed);
  core::DocumentId other = 100;
  ASSERT_TRUE(Eventually([&] {
    if (receiver_.accepted().size() == static_cast<std::size_t>(other - 100)) Tell(other++, DocumentStatus::kIndexed);
    return !Letters().empty();
  }));
  EXPECT_EQ(Letters().front().error.code, "webhook_failed");
  EXPECT_EQ(Letters().front().error.message, "nobody answers");
}

TEST_F(WebhookDispatcherTest, WhatWasNotAcceptedIsSentAfterARestart) {
  receiver_.SetAway(true);
  auto dispatcher = Started();
  Tell(7, DocumentStatus::kIndexed);
  Tell(8, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return receiver_.requests() > 2; }));
  dispatcher.reset();
  EXPECT_EQ(Committed(), 0);
  receiver_.SetAway(false);
  dispatcher = Started();
  ASSERT_TRUE(Eventually([&] { return Committed() == 2; }));
  EXPECT_THAT(receiver_.accepted(), SizeIs(2));
}

TEST_F(WebhookDispatcherTest, ARedrivenEventIsSentUnderItsOldIdAndLeavesTheList) {
  receiver_.Answer(7, 410);
  const auto dispatcher = Started();
  Tell(7, DocumentStatus::kDeleted);
  ASSERT_TRUE(Eventually([&] { return Letters().size() == 1; }));
  const core::DeadLetter letter = Letters().front();
  EXPECT_EQ(DeadLetterService(store_.dead_letters(), kStore, [] {})
                .Redrive(letter.id, {}, base::Deadline::AfterSeconds(5))
                .error()
                .code,
            base::Code::kConflict);  // nobody would take it
  DeadLetterService service(
      store_.dead_letters(), kStore, [] {}, true);
  EXPECT_EQ(service.Redrive(letter.id, "{}", base::Deadline::AfterSeconds(5)).error().field, "/value");

  // Its cause is still there: the same dead letter comes back.
  ASSERT_TRUE(service.Redrive(letter.id, {}, base::Deadline::AfterSeconds(5)));
  DeliverOutbox();
  ASSERT_TRUE(Eventually([&] { return !Letters().front().redriven_at; }));
  EXPECT_EQ(Letters().front().id, letter.id);
  EXPECT_EQ(Letters().front().redrives, 1);

  receiver_.Answer(7, 200);
  ASSERT_TRUE(service.Redrive(letter.id, {}, base::Deadline::AfterSeconds(5)));
  DeliverOutbox();
  ASSERT_TRUE(Eventually([&] { return Letters().empty(); }));
  const core::WebhookRequest request = receiver_.accepted().back();
  EXPECT_EQ(core::ParseEvent(request.body)->status, DocumentStatus::kDeleted);
  EXPECT_EQ(IdOf(request), IdOf(receiver_.received().front()));
}

TEST_F(WebhookDispatcherTest, AnEventThatTheLogHasTwiceIsSentUnderOneId) {
  const auto dispatcher = Started();
  const auto at = core::Now();
  for (const auto status : {DocumentStatus::kIndexed, DocumentStatus::kIndexed, DocumentStatus::kDeleted}) {
    Tell(7, status, at);
  }
  ASSERT_TRUE(Eventually([&] { return receiver_.accepted().size() == 3; }));
  const auto accepted = receiver_.accepted();
  EXPECT_EQ(IdOf(accepted[0]), IdOf(accepted[1]));
  EXPECT_NE(IdOf(accepted[1]), IdOf(accepted[2]));
}

TEST_F(WebhookDispatcherTest, WhatIsNoEventIsPassedOver) {
  const auto dispatcher = Started();
  core::LogRecord record;
  record.position.topic = core::kEventsTopic;
  record.key = core::DocumentKey(7);
  record.value = "not an event";
  Produce(record);
  record.position.topic = core::kWebhookRetriesTopic;  // not ours
  record.value = core::FormatEvent({7, 1, 0, DocumentStatus::kIndexed, 0, core::Now(), {}, {}});
  Produce(record);
  Tell(7, DocumentStatus::kIndexed);
  ASSERT_TRUE(Eventually([&] { return Committed() == 3; }));
  EXPECT_EQ(receiver_.requests(), 1);
}

TEST(WebhookEvents, AreParsed) {
  const auto parsed = ParseWebhookEvents("indexed, dead_lettered");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(*parsed, ElementsAre(DocumentStatus::kIndexed, DocumentStatus::kDeadLettered));
  for (const char* wrong : {"", "indexed,", "all"}) EXPECT_FALSE(ParseWebhookEvents(wrong)) << wrong;
}

}  // namespace
}  // namespace millrace::ingest
