#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "index/aligned_array.h"

namespace millrace::index {

inline constexpr std::size_t kMaxDimension = 16'384;  // keeps the integer dot product of two rows within 32 bits

/// Row lengths are padded with zeros to whole cache lines of int8, so that no kernel has a tail to treat.
constexpr std::size_t PaddedDimension(std::size_t dimension) { return (dimension + 63) / 64 * 64; }

/// A unit vector v as v̂ = scale · code, codes in −127 … 127, and error = |v − v̂|.
struct RowScale {
  float scale = 0;
  float error = 0;
};

/// Writes `vector` scaled to unit length to `unit` and its codes to `codes`, both PaddedDimension() long. A zero vector
/// stays zero: its cosine with anything counts as 0. REQUIRES: all components finite.
RowScale QuantizeRow(std::span<const float> vector, float* unit, std::int8_t* codes);

bool AllFinite(std::span<const float> vector);

/// A query u and its quantised form û. For every row v, by Cauchy and Schwarz,
///   |⟨u,v⟩ − ⟨û,v̂⟩| ≤ |û|·|v − v̂| + |u − û|·|v|,  |v| = 1,
/// so `norm · row error + slack` bounds what quantisation did to a score: rows that cannot reach the top k are known
/// for certain.
struct QueryCodes {
  AlignedArray<float> unit;
  AlignedArray<std::int8_t> codes;
  std::size_t padded_dimension = 0;
  float scale = 0;
  float norm = 0;        // |û|
  float slack = 0;       // |u − û|, and what float rounding may add
  std::int32_t sum = 0;  // of the codes
};

QueryCodes QuantizeQuery(std::span<const float> vector);

}  // namespace millrace::index
