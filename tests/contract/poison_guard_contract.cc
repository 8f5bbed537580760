#include <array>

#include "contract/store_contract.h"

/// DELIVERY §4: a document that kills its process twice while it runs alone is quarantined, its neighbours never are.
namespace millrace::contract {
namespace {

using core::DocumentStatus;
using Verdict = core::WorkOrder::Verdict;

TEST_P(PoisonGuardContract, AWorkerGoesOnWithItsOwn) {
  const auto accepted = Accept(Keyless("t", "c"));
  for (int attempt = 1; attempt <= 5; ++attempt) {
    EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "one").verdict, Verdict::kProcess);
    EXPECT_EQ(BeginAlone(OwnWork(accepted.id, 1), "one").verdict, Verdict::kProcess);
  }
}

TEST_P(PoisonGuardContract, WhatAnotherDidNotEndRunsAlone) {
  const auto accepted = Accept(Keyless("t", "c")), neighbour = Accept(Keyless("t", "d"));
  Begin(OwnWork(accepted.id, 1), "one");
  TakeEvents();
  Reopen();
  const std::array batch = {OwnWork(accepted.id, 1), OwnWork(neighbour.id, 1)};
  const auto orders = ports().effects.Begin(batch, "two", Soon());
  ASSERT_TRUE(orders);
  EXPECT_EQ((*orders)[0].verdict, Verdict::kRunAlone);
  EXPECT_EQ((*orders)[0].version, 1);
  EXPECT_EQ((*orders)[1].verdict, Verdict::kProcess);
  EXPECT_EQ(Get(accepted.id).attempts, 1);  // nothing was written
  EXPECT_EQ(TakeEvents().size(), 1u);       // the neighbour's
  const auto order = BeginAlone(OwnWork(accepted.id, 1), "two");
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.attempts, 2);
}

TEST_P(PoisonGuardContract, AskingAgainWritesNothingOfAForeignRecord) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "same"), "one");
  EXPECT_EQ(Begin(ForeignWork(7, 11, now, "same"), "two").verdict, Verdict::kRunAlone);
  EXPECT_EQ(Get(7).position->offset, 10);
  EXPECT_EQ(BeginAlone(ForeignWork(7, 11, now, "same"), "two").verdict, Verdict::kProcess);
  EXPECT_EQ(Get(7).position->offset, 11);
}

TEST_P(PoisonGuardContract, TwoCrashesAloneQuarantine) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1), "one");  // dies with its whole batch: nobody's fault yet
  EXPECT_EQ(BeginAlone(OwnWork(accepted.id, 1), "two").verdict, Verdict::kProcess);
  Reopen();
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "three").verdict, Verdict::kRunAlone);
  EXPECT_EQ(BeginAlone(OwnWork(accepted.id, 1), "three").verdict, Verdict::kProcess);
  Reopen();
  for (const char* worker : {"four", "five"}) {  // whoever it is told to may die before it says so
    EXPECT_EQ(Begin(OwnWork(accepted.id, 1), worker).verdict, Verdict::kRunAlone);
    const auto order = BeginAlone(OwnWork(accepted.id, 1), worker);
    EXPECT_EQ(order.verdict, Verdict::kQuarantined);
    EXPECT_EQ(order.version, 1);
    EXPECT_EQ(order.attempts, 3);
  }
  EXPECT_EQ(FailForGood(accepted.id, 1, 0), core::Applied::kYes);
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kDeadLettered);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "six").verdict, Verdict::kProcess);  // redriven: a new trial
}

TEST_P(PoisonGuardContract, NeighboursOfACrashAreNeverQuarantined) {
  const auto poison = Accept(Keyless("t", "poison")), neighbour = Accept(Keyless("t", "innocent"));
  for (int crash = 0; crash < 5; ++crash) {
    const std::string worker = "worker " + std::to_string(crash);
    const std::array batch = {OwnWork(poison.id, 1), OwnWork(neighbour.id, 1)};
    const auto orders = ports().effects.Begin(batch, worker, Soon());
    ASSERT_TRUE(orders);
    const auto expected = crash == 0 ? Verdict::kProcess : Verdict::kRunAlone;
    EXPECT_EQ((*orders)[0].verdict, expected);
    EXPECT_EQ((*orders)[1].verdict, expected);
  }
  EXPECT_EQ(BeginAlone(OwnWork(neighbour.id, 1), "last").verdict, Verdict::kProcess);
  EXPECT_EQ(Publish(MakeEffects(neighbour.id, 1, 1)), core::Applied::kYes);
}

TEST_P(PoisonGuardContract, ACleanEndNeverCounts) {
  const auto accepted = Accept(Keyless("t", "c"));
  for (int stop = 0; stop < 5; ++stop) {
    const std::string worker = "worker " + std::to_string(stop);
    EXPECT_EQ(Begin(OwnWork(accepted.id, 1), worker).verdict, Verdict::kProcess);
    EXPECT_EQ(BeginAlone(OwnWork(accepted.id, 1), worker).verdict, Verdict::kProcess);
    ASSERT_TRUE(ports().effects.Abandon(std::array{accepted.id, accepted.id + 1}, worker, Soon()));
    Reopen();
  }
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kProcessing);
}

TEST_P(PoisonGuardContract, AbandonLeavesTheMarksOfOthers) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1), "one");
  ASSERT_TRUE(ports().effects.Abandon(std::array{accepted.id}, "two", Soon()));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "three").verdict, Verdict::kRunAlone);
}

TEST_P(PoisonGuardContract, WhatCrashedAProcessAloneIsNeverBegunBesideOthersAgain) {
  const auto accepted = Accept(Keyless("t", "c"));
  BeginAlone(OwnWork(accepted.id, 1), "one");
  BeginAlone(OwnWork(accepted.id, 1), "two");  // the first crash
  ASSERT_TRUE(ports().effects.Abandon(std::array{accepted.id}, "two", Soon()));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "three").verdict, Verdict::kRunAlone);
  EXPECT_EQ(BeginAlone(OwnWork(accepted.id, 1), "three").verdict, Verdict::kProcess);
  EXPECT_EQ(BeginAlone(OwnWork(accepted.id, 1), "four").verdict, Verdict::kQuarantined);
}

TEST_P(PoisonGuardContract, AnEndOrANewVersionForgets) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  const auto crash_once = [&](core::Version version) {
    BeginAlone(OwnWork(accepted.id, version), "one");
    EXPECT_EQ(BeginAlone(OwnWork(accepted.id, version), "two").verdict, Verdict::kProcess);
  };
  crash_once(1);
  Fail(accepted.id, 1);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "three").verdict, Verdict::kProcess);
  Fail(accepted.id, 1);
  crash_once(1);
  FailForNow(accepted.id, 1, core::Now());
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1), "three").verdict, Verdict::kProcess);
  Fail(accepted.id, 1);
  crash_once(1);
  Accept(Keyed("k", "t", "two"));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2), "three").verdict, Verdict::kProcess);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 1)), core::Applied::kYes);  // of a run that was overtaken: not its mark
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2), "four").verdict, Verdict::kRunAlone);
  crash_once(2);
  Publish(MakeEffects(accepted.id, 2, 1));
  Accept(Keyed("k", "t", "three"));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 3), "three").verdict, Verdict::kProcess);
}

}  // namespace
}  // namespace millrace::contract
