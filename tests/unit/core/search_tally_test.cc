#include "core/search_tally.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace millrace::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

TEST(LatencyBucket, ReadsBackWithinItsBound) {
  const SearchRange range{Timestamp(), Timestamp(minutes(1)), minutes(1)};
  for (double ms = 0.01; ms < 3'600'000; ms *= 1.003) {
    SearchTally tally;
    tally.latencies[LatencyBucket(ms)] = 1;
    const double shown = MakeReport(range, {{Timestamp(), tally}}).latency->p50_ms;
    ASSERT_NEAR(shown / ms, 1, 0.045) << ms;
  }
}

TEST(LatencyBucket, TakesAnyNumber) {
  const auto first = LatencyBucket(0), last = LatencyBucket(1e300);
  EXPECT_LT(first, last);
  EXPECT_LE(last - first, 250) << "so a minute has few rows";
  EXPECT_EQ(LatencyBucket(-5), first);
  EXPECT_EQ(LatencyBucket(std::nan("")), first);
  EXPECT_EQ(LatencyBucket(1e-300), first);
  EXPECT_EQ(LatencyBucket(std::numeric_limits<double>::infinity()), last);
}

TEST(Percentiles, AreThoseOfTheRank) {
  SearchTally tally;  // 98 fast ones, a slow one and a very slow one
  tally.latencies[LatencyBucket(1)] = 98;
  tally.latencies[LatencyBucket(100)] = 1;
  tally.latencies[LatencyBucket(10'000)] = 1;
  const auto latency = MakeReport({Timestamp(), Timestamp(minutes(1)), minutes(1)}, {{Timestamp(), tally}}).latency;
  ASSERT_TRUE(latency);
  EXPECT_NEAR(latency->p50_ms, 1, 0.045);
  EXPECT_NEAR(latency->p95_ms, 1, 0.045);
  EXPECT_NEAR(latency->p99_ms, 100, 4.5);
}

TEST(FloorTo, GoesDownBefore1970Too) {
  EXPECT_EQ(FloorTo(Timestamp(milliseconds(60'001)), minutes(1)), Timestamp(minutes(1)));
  EXPECT_EQ(FloorTo(Timestamp(minutes(1)), minutes(1)), Timestamp(minutes(1)));
  EXPECT_EQ(FloorTo(Timestamp(milliseconds(-1)), minutes(1)), Timestamp(minutes(-1)));
  EXPECT_EQ(FloorTo(Timestamp(minutes(-1)), minutes(1)), Timestamp(minutes(-1)));
}

}  // namespace
}  // namespace millrace::core
