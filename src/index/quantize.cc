#include "index/quantize.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace millrace::index {
namespace {

double SquaredNorm(std::span<const float> vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * x;
  return sum;
}

}  // namespace

bool AllFinite(std::span<const float> vector) {
  return std::isfinite(SquaredNorm(vector));  // the square of a finite float never overflows a double
}

RowScale QuantizeRow(std::span<const float> vector, float* unit, std::int8_t* codes) {
  const std::size_t size = vector.size();
  const std::size_t padded = PaddedDimension(size);
  std::fill(unit + size, unit + padded, 0.0F);
  std::fill(codes + size, codes + padded, std::int8_t{0});

  const double norm = std::sqrt(SquaredNorm(vector));
  const double inverse_norm = norm > 0 ? 1 / norm : 0;
  float largest = 0;
  for (std::size_t i = 0; i < size; ++i) {
    unit[i] = static_cast<float>(vector[i] * inverse_norm);
    largest = std::max(largest, std::abs(unit[i]));
  }
  if (largest == 0) {
    std::fill(codes, codes + size, std::int8_t{0});
    return {};
  }
  const float scale = largest / 127;
  const float inverse_scale = 127 / largest;
  float squared_error = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const float code = std::nearbyint(unit[i] * inverse_scale);
    const float difference = unit[i] - code * scale;
    squared_error += difference * difference;
    codes[i] = static_cast<std::int8_t>(code);
  }
  return {scale, std::sqrt(squared_error)};
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
