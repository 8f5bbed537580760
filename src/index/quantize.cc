#include "index/quantize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace millrace::index {
namespace {

// Sums and maxima run in lanes, since a single one would wait for itself at every step.
constexpr std::size_t kLanes = 16;

double SquaredNorm(std::span<const float> vector) {
  std::array<double, kLanes> sums{};
  std::size_t i = 0;
  for (; i + kLanes <= vector.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double x = vector[i + lane];
      sums[lane] += x * x;
    }
  }
  for (; i < vector.size(); ++i) sums[0] += static_cast<double>(vector[i]) * vector[i];
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

float LargestMagnitude(const float* unit, std::size_t padded) {
  std::array<float, kLanes> largest{};
  for (std::size_t i = 0; i < padded; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float magnitude = std::abs(unit[i + lane]);
      largest[lane] = magnitude > largest[lane] ? magnitude : largest[lane];
    }
  }
  return *std::max_element(largest.begin(), largest.end());
}

/// To the nearest integer, for magnitudes below 2²²: beyond 1.5 · 2²³ floats have no fraction. Without SSE 4.1, which
/// x86-64 does not promise, std::nearbyint is a call.
float Round(float x) {
  constexpr float kShift = 0x1.8p23F;
  return (x + kShift) - kShift;
}

}  // namespace

bool AllFinite(std::span<const float> vector) {
  return std::isfinite(SquaredNorm(vector));  // the square of a finite float never overflows a double
}

RowScale QuantizeRow(std::span<const float> vector, float* unit, std::int8_t* codes) {
  const std::size_t size = vector.size();
  const std::size_t padded = PaddedDimension(size);
  std::fill(unit + size, unit + padded, 0.0F);

  const double norm = std::sqrt(SquaredNorm(vector));
  const double inverse_norm = norm > 0 ? 1 / norm : 0;
  for (std::size_t i = 0; i < size; ++i) unit[i] = static_cast<float>(vector[i] * inverse_norm);
  const float largest = LargestMagnitude(unit, padded);
  if (largest == 0) {
    std::fill(codes, codes + padded, std::int8_t{0});
    return {};
  }
  const float scale = largest / 127;
  const float inverse_scale = 127 / largest;
  std::array<float, kLanes> squares{};
  for (std::size_t i = 0; i < padded; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float code = Round(unit[i + lane] * inverse_scale);
      const float difference = unit[i + lane] - code * scale;
      squares[lane] += difference * difference;
      codes[i + lane] = static_cast<std::int8_t>(code);
    }
  }
  return {scale, std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0F))};
}

QueryCodes QuantizeQuery(std::span<const float> vector) {
  QueryCodes query;
  query.padded_dimension = PaddedDimension(vector.size());
  query.unit = MakeAligned<float>(query.padded_dimension);
  query.codes = MakeAligned<std::int8_t>(query.padded_dimension);
  const auto [scale, error] = QuantizeRow(vector, query.unit.get(), query.codes.get());
  query.scale = scale;
  double squares = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) squares += query.codes[i] * query.codes[i];
  query.norm = static_cast<float>(std::sqrt(squares)) * scale;
  // A sum of n products of unit vectors in floats is off by at most n units in the last place, in any order of
  // summation.
  const float rounding = static_cast<float>(query.padded_dimension) * 0x1p-23F;
  query.slack = error + rounding;
  query.sum = std::accumulate(query.codes.get(), query.codes.get() + query.padded_dimension, std::int32_t{0});
  return query;
}

}  // namespace millrace::index
