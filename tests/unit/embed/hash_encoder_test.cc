#include "embed/hash_encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace millrace::embed {
namespace {

std::vector<float> EncodeOne(HashEncoder& encoder, std::vector<std::int32_t> ids) {
  const std::vector<std::vector<std::int32_t>> batch = {std::move(ids)};
  return encoder.Encode(batch).value();
}

float Dot(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

TEST(HashEncoderTest, SharedTokensMakeVectorsSimilar) {
  HashEncoder encoder;
  const auto text = EncodeOne(encoder, {11, 12, 13, 14});
  EXPECT_NEAR(Dot(text, text), 1, 1e-5);
  EXPECT_NEAR(Dot(text, EncodeOne(encoder, {14, 13, 12, 11})), 1, 1e-5);
  EXPECT_NEAR(Dot(text, EncodeOne(encoder, {11, 12, 13, 99})), 0.75, 0.15);
  EXPECT_NEAR(Dot(text, EncodeOne(encoder, {21, 22, 23, 24})), 0, 0.2);
}

TEST(HashEncoderTest, TheSameSequenceGivesTheSameVectorInAnyBatch) {
  HashEncoder encoder;
  const std::vector<std::vector<std::int32_t>> batch = {{5, 6, 7, 8, 9}, {101, 7592, 102}};
  const auto both = encoder.Encode(batch).value();
  EXPECT_EQ(std::vector<float>(both.begin() + 384, both.end()), EncodeOne(encoder, {101, 7592, 102}));
}

TEST(HashEncoderTest, FailsOnTheGivenTokensInARow) {
  HashEncoder encoder({.fail_on = {66, 67}});
  const std::vector<std::vector<std::int32_t>> bad = {{1, 2}, {1, 66, 67, 2}}, apart = {{66, 1, 67}};
  const auto failed = encoder.Encode(bad);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, base::Code::kInvalidArgument);
  EXPECT_TRUE(encoder.Encode(apart));
}

}  // namespace
}  // namespace millrace::embed
