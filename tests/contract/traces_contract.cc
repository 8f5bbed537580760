#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using testing::UnorderedElementsAre;

core::DocumentTraces Find(core::TraceFinder& finder, core::DocumentId id) {
  const auto traces = finder.Find(id);
  EXPECT_TRUE(traces) << traces.error().message;
  return traces ? *traces : core::DocumentTraces{};
}

MATCHER_P(LiesAt, position, "") { return arg.position == position; }

TEST_P(TracesContract, WhatNeverWasIsNotFound) { EXPECT_EQ(ports().traces.Find(4711).error().code, Code::kNotFound); }

TEST_P(TracesContract, EveryRowIsCounted) {
  const core::RequestClaim claim{std::string(64, 'a'), std::string(64, 'b'), "one", {}};
  ASSERT_TRUE(ports().requests.Begin(claim, Soon()));
  auto document = Keyless("t", "c");
  document.part = {claim.id, 0};
  const auto accepted = AcceptIndexed(document, 3);
  ASSERT_TRUE(ports().requests.Finish(claim.id, claim.owner, {200, "text/plain", "", "t"}, Soon()));
  auto traces = Find(ports().traces, accepted.id);
  EXPECT_FALSE(traces.deleted);
  EXPECT_GE(traces.documents, 1);
  EXPECT_EQ(traces.contents, 1);
  EXPECT_EQ(traces.chunks, 3);
  EXPECT_EQ(traces.outbox, 0);  // what is indexed needs no upload
  EXPECT_GE(traces.events, 1);
  EXPECT_EQ(traces.answers, 1);

  Delete(accepted.id);
  traces = Find(ports().traces, accepted.id);
  EXPECT_TRUE(traces.deleted);
  EXPECT_EQ(traces.documents + traces.contents + traces.chunks + traces.outbox + traces.dead_letters + traces.answers,
            0);
  EXPECT_GE(traces.events, 1);  // what was not told yet, the delete too
  TakeEvents();
  EXPECT_EQ(Find(ports().traces, accepted.id).events, 0);
}

TEST_P(TracesContract, AnUnsentUploadIsCounted) {
  const auto accepted = Accept(Keyless("t", "c"));
  EXPECT_EQ(Find(ports().traces, accepted.id).outbox, 1);
  Delete(accepted.id);
  EXPECT_EQ(Find(ports().traces, accepted.id).outbox, 0);
}

TEST_P(TracesContract, TheKnownRecordsAreNamed) {
  const auto accepted = Accept(Keyless("t", "c"));
  const auto uploads = Claim();
  for (const auto& row : uploads) MarkSent(row, {row.topic, 1, 7});
  EXPECT_THAT(Find(ports().traces, accepted.id).records,
              UnorderedElementsAre(LiesAt(core::Position{core::kUploadsTopic, 1, 7})));
  Delete(accepted.id);  // the log still holds it
  EXPECT_THAT(Find(ports().traces, accepted.id).records,
              UnorderedElementsAre(LiesAt(core::Position{core::kUploadsTopic, 1, 7})));
}

TEST_P(TracesContract, ADeadLetterIsCountedWithItsRecords) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  FailForGood(accepted.id, 1, 41);
  const auto traces = Find(ports().traces, accepted.id);
  EXPECT_EQ(traces.dead_letters, 1);
  EXPECT_THAT(traces.records, testing::Contains(LiesAt(core::Position{core::kUploadsTopic, 0, 41})));
  Delete(accepted.id);
  EXPECT_EQ(Find(ports().traces, accepted.id).dead_letters, 0);
}

}  // namespace
}  // namespace millrace::contract
