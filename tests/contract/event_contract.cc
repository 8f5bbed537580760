#include <string>
#include <vector>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using core::DocumentStatus;
using testing::ElementsAre;
using testing::IsEmpty;

/// `queued 1`: what an event says, short enough to compare lists of them.
std::vector<std::string> Summaries(const std::vector<core::DocumentEvent>& events) {
  std::vector<std::string> summaries;
  for (const auto& event : events) {
    summaries.push_back(std::string(core::StatusName(event.status)) + " " + std::to_string(event.version));
  }
  return summaries;
}

TEST_P(EventContract, EachStepOfADocumentIsTold) {
  const auto before = core::Now();
  const auto accepted = AcceptIndexed(Keyless("t", "c"), 3);
  Delete(AcceptIndexed(Keyless("t", "other"), 1).id);
  Reopen();
  auto events = TakeEvents();
  std::erase_if(events, [&](const auto& event) { return event.document_id != accepted.id; });
  EXPECT_THAT(Summaries(events), ElementsAre("queued 1", "processing 1", "indexed 1"));
  for (const auto& event : events) {
    EXPECT_EQ(event.revision, Get(accepted.id).revision);
    EXPECT_EQ(event.chunks, event.status == DocumentStatus::kIndexed ? 3 : 0);
    EXPECT_GE(event.at, before);
    EXPECT_LE(event.at, core::Now());
    EXPECT_FALSE(event.error.has_value());
    EXPECT_FALSE(event.next_attempt_at.has_value());
    EXPECT_EQ(event.steps.stored.has_value(), event.status == DocumentStatus::kIndexed);
  }
}

TEST_P(EventContract, TheIndexedEventTellsWhenEachStepWasDone) {
  const auto accepted = AcceptIndexed(Keyless("t", "c"));
  const auto event = TakeEvents().back();
  const core::StepTimes steps = Get(accepted.id).steps;
  EXPECT_EQ(event.status, DocumentStatus::kIndexed);
  EXPECT_TRUE(event.steps.received && event.steps.chunked && event.steps.embedded);
  EXPECT_EQ(event.steps.received, steps.received);
  EXPECT_EQ(event.steps.chunked, steps.chunked);
  EXPECT_EQ(event.steps.embedded, steps.embedded);
  EXPECT_EQ(event.steps.stored, steps.stored);
}

TEST_P(EventContract, NothingIsToldOfWhatDidNotHappen) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "c"));
  TakeEvents();
  Accept(Keyed("k", "t", "c"));             // unchanged
  Begin(OwnWork(accepted.id, 1));           // already indexed
  Publish(MakeEffects(accepted.id, 1, 2));  // fenced
  Fail(accepted.id, 1);                     // fenced
  Begin(OwnWork(accepted.id, 2));           // refused
  EXPECT_FALSE(ports().documents.Delete(accepted.id + 1, Soon()));
  EXPECT_THAT(TakeEvents(), IsEmpty());
}

TEST_P(EventContract, StagingIsNotTold) {
  const auto accepted = Accept(Keyless("t", "c"));
  TakeEvents();
  Stage(MakeEffects(accepted.id, 1, 5));
  EXPECT_THAT(TakeEvents(), IsEmpty());
  Publish(MakeEffects(accepted.id, 1, 2, 5));
  const auto events = TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].chunks, 7);  // with those staged
}

TEST_P(EventContract, AFailureTellsItsReason) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  Fail(accepted.id, 1);
  const auto events = TakeEvents();
  EXPECT_THAT(Summaries(events), ElementsAre("queued 1", "processing 1", "failed 1"));
  ASSERT_TRUE(events.back().error);
  EXPECT_EQ(events.back().error->code, "no_text");
  EXPECT_EQ(events.back().error->message, "The document has no text.");
  EXPECT_EQ(events.back().error->stage, "chunk");
}

TEST_P(EventContract, ARetryTellsWhenItIsDue) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  FailForNow(accepted.id, 1, core::Now() + std::chrono::hours(1));
  const auto event = TakeEvents().back();
  EXPECT_EQ(event.status, DocumentStatus::kRetrying);
  EXPECT_TRUE(event.error.has_value());
  EXPECT_TRUE(event.next_attempt_at.has_value());
  EXPECT_EQ(event.next_attempt_at, Get(accepted.id).next_attempt_at);
}

TEST_P(EventContract, ADeleteLeavesTheEventsOfWhatWasBefore) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"));
  Accept(Keyed("k", "t", "two"));
  Delete(accepted.id);
  EXPECT_THAT(Summaries(TakeEvents()), ElementsAre("queued 1", "processing 1", "indexed 1", "queued 2", "deleted 2"));
  Begin(OwnWork(accepted.id, 2));
  Publish(MakeEffects(accepted.id, 2, 1));
  EXPECT_THAT(TakeEvents(), IsEmpty());
}

TEST_P(EventContract, AnOvertakenVersionIsToldAsSupersededOnce) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  TakeEvents();
  Accept(Keyed("k", "t", "two"));
  EXPECT_THAT(Summaries(TakeEvents()), ElementsAre("superseded 1", "queued 2"));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, core::WorkOrder::Verdict::kSuperseded);
  EXPECT_THAT(TakeEvents(), IsEmpty());
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kQueued);
}

TEST_P(EventContract, AnIndexedVersionIsNotSuperseded) {
  AcceptIndexed(Keyed("k", "t", "one"));
  TakeEvents();
  Accept(Keyed("k", "t", "two"));
  EXPECT_THAT(Summaries(TakeEvents()), ElementsAre("queued 2"));
}

TEST_P(EventContract, MessagesBehindTheIndexedVersionAreSkippedSilently) {  // a reset group brings them by the thousand
  const auto accepted = Accept(Keyed("k", "t", "one"));
  AcceptIndexed(Keyed("k", "t", "two"));
  TakeEvents();
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, core::WorkOrder::Verdict::kSuperseded);
  EXPECT_THAT(TakeEvents(), IsEmpty());
}

TEST_P(EventContract, AnOlderVersionThatIsPublishedIsToldToTheIndexes) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  Begin(OwnWork(accepted.id, 1));
  Accept(Keyed("k", "t", "two"));
  TakeEvents();
  Publish(MakeEffects(accepted.id, 1, 2));
  const auto events = TakeEvents();
  EXPECT_THAT(Summaries(events), ElementsAre("indexed 1"));
  EXPECT_EQ(events[0].chunks, 2);
}

TEST_P(EventContract, AForeignRecordIsToldLikeAnyOther) {
  Begin(ForeignWork(7, 0, core::Now(), "c"));
  EXPECT_THAT(Summaries(TakeEvents()), ElementsAre("queued 1", "processing 1"));
  Begin(ForeignWork(7, 1, core::Now(), "d"));
  EXPECT_THAT(Summaries(TakeEvents()), ElementsAre("superseded 1", "queued 2", "processing 2"));
}

}  // namespace
}  // namespace millrace::contract
