#include <thread>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

TEST_P(StoreAdminContract, TheIdentityIsTheStoresOwnAndStays) {
  const auto identity = ports().admin.Identity();
  ASSERT_TRUE(identity);
  EXPECT_GE(identity->id.size(), 16u);
  EXPECT_GE(identity->epoch, 1);
  Reopen();
  EXPECT_EQ(ports().admin.Identity()->id, identity->id);
  EXPECT_EQ(ports().admin.Identity()->epoch, identity->epoch);
  const auto other = GetParam().make();
  EXPECT_NE(other->ports().admin.Identity()->id, identity->id);
}

TEST_P(StoreAdminContract, ANewEpochLeavesIdsOut) {
  const core::DocumentId first = AcceptIndexed(Keyless("t", "c")).id;
  const auto before = ports().admin.Identity();
  const auto identity = ports().admin.BeginEpoch();
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->id, before->id);
  EXPECT_EQ(identity->epoch, before->epoch + 1);
  EXPECT_EQ(ports().admin.Identity()->epoch, identity->epoch);
  EXPECT_GT(AcceptIndexed(Keyless("t", "d")).id, first + core::kEpochGap);
  EXPECT_TRUE(ports().documents.Get(first)) << "what is there stays";
}

TEST_P(StoreAdminContract, ANewEpochOfAnEmptyStoreLeavesIdsOutToo) {
  ASSERT_TRUE(ports().admin.BeginEpoch());
  EXPECT_GT(AcceptIndexed(Keyless("t", "c")).id, core::kEpochGap);
}

TEST_P(StoreAdminContract, VectorsOfAnotherModelAreAConflict) {
  ASSERT_TRUE(ports().admin.ClaimModel("alpha float32 3"));
  AcceptIndexed(Keyless("t", "c"));
  Reopen();
  EXPECT_TRUE(ports().admin.ClaimModel("alpha float32 3"));
  const auto conflict = ports().admin.ClaimModel("beta float32 3");
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, base::Code::kConflict);
  EXPECT_THAT(conflict.error().message, testing::HasSubstr("alpha float32 3"));
  EXPECT_THAT(conflict.error().message, testing::HasSubstr("beta float32 3"));
  EXPECT_TRUE(ports().admin.ClaimModel("alpha float32 3"));
}

TEST_P(StoreAdminContract, ProbeWrites) { EXPECT_TRUE(ports().admin.Probe(milliseconds(5000))); }

TEST_P(StoreAdminContract, NothingExpiresInAnEmptyStore) {
  const auto removed = ports().admin.RemoveExpired(core::Now() + hours(1000));
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 0);
}

TEST_P(StoreAdminContract, StagedAndIndexedChunksNeverExpire) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"), 2);
  Accept(Keyed("k", "t", "two"));
  Stage(MakeEffects(accepted.id, 2, 3));
  EXPECT_EQ(*ports().admin.RemoveExpired(core::Now() + hours(1000)), 0);
  EXPECT_EQ(ListChunks(accepted.id).size(), 2u);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2)).staged_chunks, 3);
}

TEST_P(StoreAdminContract, StalledAreThoseThatWaitWithoutAMessage) {
  const auto unsent = Accept(Keyless("t", "unsent"));
  const auto future = core::Now() + hours(1);
  EXPECT_TRUE(ports().admin.FindStalled(future, 0, 10)->empty());  // the outbox still owes it
  const auto failed = Accept(Keyless("t", "failed"));
  const auto processing = Accept(Keyless("t", "processing"));
  AcceptIndexed(Keyless("t", "indexed"));
  for (const auto& row : Claim()) MarkSent(row, {row.topic, 1, 100 + row.document_id});
  Begin(OwnWork(processing.id, 1));
  Fail(failed.id, 1);
  Delete(Accept(Keyless("t", "deleted")).id);
  const auto stalled = ports().admin.FindStalled(future, 0, 10);
  ASSERT_TRUE(stalled);
  ASSERT_EQ(stalled->size(), 2u);
  EXPECT_EQ((*stalled)[0].id, unsent.id);
  EXPECT_EQ((*stalled)[0].version, 1);
  EXPECT_EQ((*stalled)[0].position, (core::Position{core::kUploadsTopic, 1, 100 + unsent.id}));
  EXPECT_EQ((*stalled)[1].id, processing.id);
  EXPECT_EQ(ports().admin.FindStalled(future, 0, 1)->size(), 1u);
  EXPECT_EQ(ports().admin.FindStalled(future, stalled->front().id, 10)->size(), stalled->size() - 1);
  ASSERT_TRUE(ports().outbox.Requeue(unsent.id, 1));
  EXPECT_EQ(ports().admin.FindStalled(future, 0, 10)->size(), 1u);
}

TEST_P(StoreAdminContract, ProgressKeepsADocumentFromBeingStalled) {
  const auto accepted = Accept(Keyless("t", "c"));
  Drain();
  const auto step = [&](auto advance) {
    std::this_thread::sleep_for(milliseconds(3));
    const auto before = core::Now();
    EXPECT_EQ(ports().admin.FindStalled(before, 0, 10)->size(), 1u);
    advance();
    EXPECT_TRUE(ports().admin.FindStalled(before, 0, 10)->empty());
  };
  step([&] { Begin(OwnWork(accepted.id, 1)); });
  step([&] { Stage(MakeEffects(accepted.id, 1, 2)); });
  step([&] { Stage(MakeEffects(accepted.id, 1, 2, 2)); });
}

TEST_P(StoreAdminContract, ProgressByAClockThatWasAheadDoesNotCount) {
  Accept(Keyless("t", "c"));
  Drain();
  EXPECT_TRUE(ports().admin.FindStalled(core::Now() - minutes(1), 0, 10)->empty());
  EXPECT_EQ(ports().admin.FindStalled(core::Now() - hours(1), 0, 10)->size(),
            1u);  // as one sees it whose clock is right
}

TEST_P(StoreAdminContract, AForeignRecordStallsWhereItLies) {
  Begin(ForeignWork(99, 3, core::Now(), "c"));
  const auto stalled = ports().admin.FindStalled(core::Now() + hours(1), 0, 10);
  ASSERT_TRUE(stalled);
  ASSERT_EQ(stalled->size(), 1u);
  EXPECT_EQ(stalled->front().id, 99);
  EXPECT_EQ(stalled->front().position, (core::Position{core::kUploadsTopic, 0, 3}));
}

TEST_P(StoreAdminContract, ARetryStallsWhenItIsOverdue) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  const auto now = core::Now();
  FailForNow(accepted.id, 1, now + hours(1));
  EXPECT_TRUE(ports().admin.FindStalled(now + hours(2), 0, 10)->empty());  // the outbox still owes its copy
  Drain();
  EXPECT_TRUE(ports().admin.FindStalled(now + hours(1), 0, 10)->empty());
  Reopen();
  const auto stalled = ports().admin.FindStalled(now + hours(1) + milliseconds(1), 0, 10);
  ASSERT_TRUE(stalled);
  ASSERT_EQ(stalled->size(), 1u);
  EXPECT_EQ(stalled->front().id, accepted.id);
  EXPECT_EQ(stalled->front().version, 1);
  EXPECT_TRUE(stalled->front().retry_overdue);
  ASSERT_TRUE(ports().outbox.Requeue(accepted.id, 1));
  EXPECT_TRUE(ports().admin.FindStalled(now + hours(2), 0, 10)->empty());
}

TEST_P(StoreAdminContract, ARetryThatWasSentAgainIsNotStalledAtOnce) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  FailForNow(accepted.id, 1, core::Now());
  Drain();
  std::this_thread::sleep_for(milliseconds(3));
  const auto before = core::Now();
  ASSERT_EQ(ports().admin.FindStalled(before, 0, 10)->size(), 1u);
  ASSERT_TRUE(ports().outbox.Requeue(accepted.id, 1));
  Drain();
  EXPECT_TRUE(ports().admin.FindStalled(before, 0, 10)->empty());
}

TEST_P(StoreAdminContract, WhatIsUnderWayAgainOrDeadIsNotStalled) {
  const auto accepted = Accept(Keyless("t", "c"));
  FailForGood(accepted.id, 1, 0);
  Drain();
  const auto future = core::Now() + hours(1);
  EXPECT_TRUE(ports().admin.FindStalled(future, 0, 10)->empty());
  Redrive(DeadLetters().front().id, MakeCopy(core::kUploadsTopic));
  EXPECT_TRUE(ports().admin.FindStalled(future, 0, 10)->empty());  // the outbox owes it
  Drain();
  EXPECT_EQ(ports().admin.FindStalled(future, 0, 10)->size(), 1u);
}

}  // namespace
}  // namespace millrace::contract
