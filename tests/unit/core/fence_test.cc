#include "core/fence.h"

#include <gtest/gtest.h>

#include <chrono>

namespace millrace::core {
namespace {

using std::chrono::milliseconds;
using Verdict = WorkOrder::Verdict;

constexpr Timestamp At(int ms) { return Timestamp(milliseconds(ms)); }

/// Version 5 of document 7 is queued, 3 is indexed, 1 was deleted; the newest record known lies at offset 10 of u/0.
FenceState State() {
  FenceState state;
  state.id = 7;
  state.version = 5;
  state.indexed_version = 3;
  state.deleted_version = 1;
  state.deleted_at = At(100);
  state.position = Position{"u", 0, 10};
  state.position_at = At(1000);
  state.position_version = 5;
  return state;
}

Work Record(const char* topic, int partition, int offset, int at) {
  Work work;
  work.id = 7;
  work.position = {topic, partition, offset};
  work.timestamp = At(at);
  return work;
}

TEST(FenceTest, OnlyTheNewestVersionRuns) {
  const FenceState state = State();
  EXPECT_FALSE(FenceVersion(&state, 7, 5));
  const auto verdict = [&](Version version) { return FenceVersion(&state, 7, version)->verdict; };
  EXPECT_EQ(verdict(1), Verdict::kDeleted);
  EXPECT_EQ(verdict(2), Verdict::kSuperseded);
  EXPECT_EQ(verdict(3), Verdict::kAlreadyIndexed);
  EXPECT_EQ(verdict(4), Verdict::kSuperseded);
  EXPECT_EQ(verdict(6), Verdict::kRefused);
  EXPECT_EQ(FenceVersion(nullptr, 7, 1)->verdict, Verdict::kRefused);
  EXPECT_EQ(FenceVersion(&state, 7, 4)->version, 4);
}

TEST(FenceTest, EffectsOfWhatIsIndexedDeletedOrNeverAcceptedAreClosed) {
  const FenceState state = State();
  EXPECT_TRUE(state.IsOpen(4));
  EXPECT_TRUE(state.IsOpen(5));
  for (const Version version : {1, 3, 6}) EXPECT_FALSE(state.IsOpen(version)) << version;
  EXPECT_FALSE(state.settled());
  FenceState deleted = State();
  deleted.deleted_version = deleted.version;
  EXPECT_TRUE(deleted.settled());
  EXPECT_TRUE(FenceState().settled());
}

TEST(FenceTest, AForeignRecordIsPlacedByItsOffset) {
  const FenceState state = State();
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 11, 900)), ForeignPlace::kNewest) << "the offset decides, not the time";
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 10, 1000)), ForeignPlace::kSame);
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 9, 1000)), ForeignPlace::kSuperseded);
  EXPECT_EQ(PlaceForeign(FenceState(), Record("u", 0, 0, 1)), ForeignPlace::kNewest);
}

TEST(FenceTest, ATopicMadeAnewBeginsAtOffset0Again) {
  const FenceState state = State();
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 0, 1001)), ForeignPlace::kNewest);
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 10, 1001)), ForeignPlace::kNewest);
}

TEST(FenceTest, OffsetsOfOtherPartitionsSayNothing) {
  const FenceState state = State();
  EXPECT_EQ(PlaceForeign(state, Record("u", 1, 11, 999)), ForeignPlace::kSuperseded);
  EXPECT_EQ(PlaceForeign(state, Record("u", 1, 0, 1000)), ForeignPlace::kNewest);
  EXPECT_EQ(PlaceForeign(state, Record("retry", 0, 0, 1001)), ForeignPlace::kNewest);
}

TEST(FenceTest, NothingWrittenBeforeADeleteComesBack) {
  FenceState state = State();
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 11, 100)), ForeignPlace::kDeleted);
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 11, 101)), ForeignPlace::kNewest);
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 9, 500)), ForeignPlace::kSuperseded);
  state.status = DocumentStatus::kDeleted;
  EXPECT_EQ(PlaceForeign(state, Record("u", 0, 9, 500)), ForeignPlace::kDeleted);
}

TEST(FenceTest, ADeadLetterIsTakenUpOnlyForTheNewestVersion) {
  FenceState state = State();
  EXPECT_TRUE(CheckRedrive(&state, 7, 5));
  EXPECT_TRUE(CheckRedrive(&state, 7, 0)) << "its record became no version yet";
  EXPECT_TRUE(CheckRedrive(nullptr, 7, 0));
  EXPECT_EQ(CheckRedrive(nullptr, 7, 1).error().message, "document 7 was deleted since");
  EXPECT_EQ(CheckRedrive(&state, 7, 1).error().message, "document 7 was deleted since");
  EXPECT_EQ(CheckRedrive(&state, 7, 4).error().message, "document 7 has a newer version");
  state.indexed_version = 5;
  EXPECT_EQ(CheckRedrive(&state, 7, 5).error().message, "document 7 is indexed");
  state.status = DocumentStatus::kDeleted;
  EXPECT_EQ(CheckRedrive(&state, 7, 0).error().code, base::Code::kConflict);
}

}  // namespace
}  // namespace millrace::core
