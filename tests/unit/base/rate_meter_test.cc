#include "base/rate_meter.h"

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr RateMeter::Clock::time_point kStart{seconds(1000)};

TEST(RateMeter, IsNothingWithoutWork) {
  RateMeter meter;
  EXPECT_EQ(meter.per_second(kStart), 0);
  EXPECT_EQ(meter.per_second(), 0);
}

TEST(RateMeter, CountsSinceWorkBegan) {
  RateMeter meter;
  for (int i = 0; i < 50; ++i) meter.Add(10, kStart + milliseconds(100 * i));
  EXPECT_DOUBLE_EQ(meter.per_second(kStart + seconds(5)), 100);
}

TEST(RateMeter, DoesNotTakeOneThingForABurst) {
  RateMeter meter;
  meter.Add(7, kStart);
  EXPECT_DOUBLE_EQ(meter.per_second(kStart + milliseconds(1)), 7);
}

TEST(RateMeter, ForgetsWhatIsOlderThanHalfAMinute) {
  RateMeter meter;
  meter.Add(1'000'000, kStart);
  for (int i = 1; i <= 30; ++i) meter.Add(60, kStart + seconds(i));
  EXPECT_NEAR(meter.per_second(kStart + seconds(31)), 60, 2.1);
  EXPECT_EQ(meter.per_second(kStart + seconds(61)), 0);
}

TEST(RateMeter, FadesWhenWorkEnds) {
  RateMeter meter;
  meter.Add(100, kStart);
  EXPECT_DOUBLE_EQ(meter.per_second(kStart + seconds(10)), 10);
  EXPECT_DOUBLE_EQ(meter.per_second(kStart + seconds(29)), 100.0 / 29);
  EXPECT_EQ(meter.per_second(kStart + seconds(30)), 0);
}

}  // namespace
}  // namespace millrace::base
