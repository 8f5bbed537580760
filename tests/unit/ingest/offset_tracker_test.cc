#include "ingest/offset_tracker.h"

#include <gtest/gtest.h>

namespace millrace::ingest {
namespace {

const core::TopicPartition kPartition{"document-uploads", 1};

core::Position At(std::int64_t offset) { return {kPartition.topic, kPartition.partition, offset}; }

using Offsets = std::map<core::TopicPartition, std::int64_t>;

TEST(OffsetTracker, CommitsOnlyWhatIsDoneWithoutGaps) {
  OffsetTracker tracker;
  tracker.Assign(kPartition);
  const auto epoch = tracker.Begin(At(5));
  tracker.Begin(At(6));
  tracker.Begin(At(7));
  tracker.Done(At(7), epoch);
  tracker.Done(At(6), epoch);
  EXPECT_EQ(tracker.Committable(), (Offsets{{kPartition, 5}})) << "5 is open: nothing beyond it may be committed";
  tracker.Done(At(5), epoch);
  EXPECT_EQ(tracker.Committable(), (Offsets{{kPartition, 8}}));
}

TEST(OffsetTracker, OffersEachOffsetOnce) {
  OffsetTracker tracker;
  tracker.Assign(kPartition);
  tracker.Done(At(0), tracker.Begin(At(0)));
  const Offsets offsets = tracker.Committable();
  EXPECT_EQ(offsets, (Offsets{{kPartition, 1}}));
  tracker.Committed(offsets);
  EXPECT_TRUE(tracker.Committable().empty());
}

TEST(OffsetTracker, IgnoresCompletionsOfAnEarlierAssignment) {
  OffsetTracker tracker;
  tracker.Assign(kPartition);
  const auto before = tracker.Begin(At(3));
  tracker.Revoke(kPartition);
  tracker.Done(At(3), before);
  EXPECT_TRUE(tracker.Committable().empty());

  tracker.Assign(kPartition);
  const auto after = tracker.Begin(At(3));
  EXPECT_NE(before, after);
  tracker.Done(At(3), before);
  EXPECT_EQ(tracker.Committable(), (Offsets{{kPartition, 3}})) << "the late completion is not of this assignment";
  tracker.Done(At(3), after);
  EXPECT_EQ(tracker.Committable(), (Offsets{{kPartition, 4}}));
}

TEST(OffsetTracker, OffsetsThatGoBackAreOfATopicMadeAnew) {
  OffsetTracker tracker;
  tracker.Assign(kPartition);
  const auto old_epoch = tracker.Begin(At(100));
  tracker.Begin(At(101));
  tracker.Committed({{kPartition, 100}});
  const auto epoch = tracker.Begin(At(0));
  EXPECT_EQ(tracker.Begin(At(1)), epoch);
  tracker.Done(At(100), old_epoch);
  EXPECT_TRUE(tracker.Committable().empty()) << "0 is open";
  tracker.Done(At(1), old_epoch);
  tracker.Done(At(0), epoch);
  EXPECT_EQ(tracker.Committable(), (Offsets{{kPartition, 1}})) << "1 is open: what was done is not of this topic";
  tracker.Done(At(1), epoch);
  EXPECT_EQ(tracker.Committable(), (Offsets{{kPartition, 2}}));
}

TEST(OffsetTracker, KnowsNothingOfPartitionsThatAreNotOurs) {
  OffsetTracker tracker;
  EXPECT_EQ(tracker.Begin(At(1)), 0U);
  EXPECT_TRUE(tracker.Committable().empty());
}

}  // namespace
}  // namespace millrace::ingest
