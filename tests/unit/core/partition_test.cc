#include <gtest/gtest.h>

#include "core/log.h"

namespace millrace::core {
namespace {

std::int32_t Hash(std::string_view key) { return static_cast<std::int32_t>(Murmur2(key)); }

// The values of Kafka's own UtilsTest.
TEST(Murmur2Test, AgreesWithTheJavaClient) {
  EXPECT_EQ(Hash("21"), -973932308);
  EXPECT_EQ(Hash("foobar"), -790332482);
  EXPECT_EQ(Hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(Hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(Hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(Hash("abc"), 479470107);
}

TEST(Murmur2Test, ReadsBytesAbove127AsUnsigned) { EXPECT_NE(Murmur2("\xff\xff\xff"), Murmur2("\x7f\x7f\x7f")); }

TEST(PartitionForKeyTest, TakesTheHashWithoutItsSign) {
  EXPECT_EQ(PartitionForKey("21", 3), (-973932308 & 0x7fffffff) % 3);
  EXPECT_EQ(PartitionForKey("abc", 7), 479470107 % 7);
  EXPECT_EQ(PartitionForKey("", 1), 0);
}

}  // namespace
}  // namespace millrace::core
