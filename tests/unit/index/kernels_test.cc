#include "index/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace millrace::index {
namespace {

constexpr std::size_t kRows = 37;  // no multiple of a step
constexpr std::size_t kDimensions[] = {1, 63, 64, 65, 100, 384, 1024};
constexpr float kAll = -std::numeric_limits<float>::infinity();

struct Codes {
  explicit Codes(std::size_t dimension) : padded(PaddedDimension(dimension)) {
    codes = MakeAligned<std::int8_t>(kRows * padded);
    unit = MakeAligned<float>(kRows * padded);
    scales.resize(kRows);
    errors.resize(kRows);
  }

  void Quantize(std::size_t row, const std::vector<float>& vector) {
    const RowScale scale = QuantizeRow(vector, unit.get() + row * padded, codes.get() + row * padded);
    scales[row] = scale.scale;
    errors[row] = scale.error;
  }
  CodeRows rows() const { return {codes.get(), scales.data(), errors.data()}; }

  std::size_t padded;
  AlignedArray<std::int8_t> codes;
  AlignedArray<float> unit;
  std::vector<float> scales, errors;
};

std::vector<float> Gaussian(std::size_t dimension, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(dimension);
  for (float& x : vector) x = normal(random);
  return vector;
}

std::vector<Survivor> Scanned(const Kernel& kernel, const Codes& codes, const QueryCodes& query, float threshold,
                              RowRange range) {
  std::vector<Survivor> out(range.end - range.begin);
  out.resize(kernel.scan(codes.rows(), query, threshold, range, out.data()));
  return out;
}

class KernelTest : public testing::TestWithParam<const Kernel*> {};

TEST_P(KernelTest, DotProductsOfRandomCodesEqualTheScalarOnes) {
  std::mt19937 random(1);
  for (const std::size_t dimension : kDimensions) {
    Codes codes(dimension);
    for (std::size_t r = 0; r < kRows; ++r) codes.Quantize(r, Gaussian(dimension, random));
    const QueryCodes query = QuantizeQuery(Gaussian(dimension, random));
    for (const RowRange range :
         {RowRange{0, kRows}, RowRange{3, 4}, RowRange{5, 11}, RowRange{36, 37}, RowRange{7, 7}}) {
      EXPECT_EQ(Scanned(*GetParam(), codes, query, kAll, range), Scanned(kScalarKernel, codes, query, kAll, range));
    }
  }
}

TEST_P(KernelTest, ExtremeCodesDoNotSaturate) {
  for (const std::size_t dimension : {std::size_t{64}, std::size_t{384}, kMaxDimension}) {
    Codes codes(dimension);
    const std::vector<float> ones(dimension, 1), minus_ones(dimension, -1);
    std::vector<float> alternating(dimension);
    for (std::size_t i = 0; i < dimension; ++i) alternating[i] = i % 2 == 0 ? 1.0F : -1.0F;
    const std::vector<float>* kinds[] = {&ones, &minus_ones, &alternating};
    for (std::size_t r = 0; r < kRows; ++r) codes.Quantize(r, *kinds[r % 3]);
    for (const std::vector<float>* kind : kinds) {
      const QueryCodes query = QuantizeQuery(*kind);
      const auto found = Scanned(*GetParam(), codes, query, kAll, {0, kRows});
      ASSERT_EQ(found, Scanned(kScalarKernel, codes, query, kAll, {0, kRows}));
      EXPECT_EQ(std::abs(found[0].dot), kind == &alternating ? 0 : 127 * 127 * static_cast<int>(dimension));
    }
  }
}

TEST_P(KernelTest, OnlyRowsThatMayReachTheThresholdAreKept) {
  std::mt19937 random(2);
  Codes codes(384);
  for (std::size_t r = 0; r < kRows; ++r) codes.Quantize(r, Gaussian(384, random));
  const QueryCodes query = QuantizeQuery(Gaussian(384, random));
  for (float threshold = -0.2F; threshold < 0.2F; threshold += 0.01F) {
    std::vector<Survivor> expected;
    for (const Survivor& row : Scanned(kScalarKernel, codes, query, kAll, {0, kRows})) {
      const float score = static_cast<float>(row.dot) * codes.scales[row.row] * query.scale;
      const float bound = codes.errors[row.row] * query.norm + query.slack;
      ASSERT_GT(std::abs(score + bound - threshold), 1e-7F) << "choose another seed: a tie says nothing";
      if (score + bound >= threshold) expected.push_back(row);
    }
    EXPECT_EQ(Scanned(*GetParam(), codes, query, threshold, {0, kRows}), expected);
  }
}

TEST_P(KernelTest, FloatDotProductsAgree) {
  std::mt19937 random(3);
  for (const std::size_t dimension : kDimensions) {
    Codes codes(dimension);
    codes.Quantize(0, Gaussian(dimension, random));
    codes.Quantize(1, Gaussian(dimension, random));
    double expected = 0;
    for (std::size_t i = 0; i < dimension; ++i) {
      expected += static_cast<double>(codes.unit[i]) * codes.unit[codes.padded + i];
    }
    EXPECT_NEAR(GetParam()->dot(codes.unit.get(), codes.unit.get() + codes.padded, codes.padded), expected, 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(Supported, KernelTest, testing::ValuesIn(SupportedKernels().begin(), SupportedKernels().end()),
                         [](const auto& kernel) {
                           std::string name = kernel.param->name;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Quantize, TheBoundHoldsForEveryPair) {
  std::mt19937 random(4);
  for (const std::size_t dimension : kDimensions) {
    Codes codes(dimension);
    for (std::size_t r = 0; r < kRows; ++r) {
      std::vector<float> vector = Gaussian(dimension, random);
      if (r % 4 == 0) vector[r % dimension] *= 1000;  // one large component: the worst case for one scale a row
      codes.Quantize(r, vector);
    }
    const QueryCodes query = QuantizeQuery(Gaussian(dimension, random));
    for (const Survivor& found : Scanned(kScalarKernel, codes, query, kAll, {0, kRows})) {
      double exact = 0;
      for (std::size_t i = 0; i < dimension; ++i) {
        exact += static_cast<double>(codes.unit[found.row * codes.padded + i]) * query.unit[i];
      }
      const double score = static_cast<double>(found.dot) * codes.scales[found.row] * query.scale;
      EXPECT_LE(std::abs(exact - score), codes.errors[found.row] * query.norm + query.slack);
    }
  }
}

TEST(Quantize, RowsBecomeUnitLongWhateverTheirLength) {
  Codes codes(3);
  for (const float length : {1e-30F, 1.0F, 1e30F}) {
    codes.Quantize(0, {3 * length, 0, -4 * length});
    EXPECT_FLOAT_EQ(codes.unit[0], 0.6F);
    EXPECT_FLOAT_EQ(codes.unit[2], -0.8F);
    EXPECT_EQ(codes.codes[2], -127);
    EXPECT_EQ(codes.codes[3], 0);
  }
  codes.Quantize(1, {0, 0, 0});
  EXPECT_EQ(codes.scales[1], 0);
  EXPECT_EQ(codes.unit[codes.padded], 0);
}

TEST(Quantize, FiniteMeansEveryComponent) {
  EXPECT_TRUE(AllFinite(std::vector<float>{1, -std::numeric_limits<float>::max(), 0}));
  EXPECT_FALSE(AllFinite(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_FALSE(AllFinite(std::vector<float>{-std::numeric_limits<float>::infinity(), 1}));
}

}  // namespace
}  // namespace millrace::index
