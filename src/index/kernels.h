#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "index/quantize.h"

namespace millrace::index {

/// Quantised rows, one after another, `padded_dimension` codes each, the first on a cache line.
struct CodeRows {
  const std::int8_t* codes = nullptr;
  const float* scales = nullptr;
  const float* errors = nullptr;
};

struct RowRange {
  std::uint32_t begin = 0, end = 0;
};

/// A row that the bound could not exclude, and the exact dot product of its codes with the query's.
struct Survivor {
  std::uint32_t row = 0;
  std::int32_t dot = 0;

  friend bool operator==(const Survivor&, const Survivor&) = default;
};

/// The two loops that searches live in. All kernels give the same dot products of codes; float sums differ in rounding
/// only.
struct Kernel {
  const char* name;
  bool (*supported)();

  /// Writes the rows of `range` whose score may reach `threshold` (quantize.h) to `out`, which has room for all of
  /// them, ascending; returns how many.
  std::size_t (*scan)(const CodeRows& rows, const QueryCodes& query, float threshold, RowRange range, Survivor* out);

  /// Dot product of two float rows that start on cache lines; `size` is a multiple of 64.
  float (*dot)(const float* a, const float* b, std::size_t size);
};

extern const Kernel kScalarKernel;
#if defined(__x86_64__)
extern const Kernel kAvx2Kernel;
extern const Kernel kVnniKernel;  // of AVX-512
#endif

/// Those this processor can run, fastest first; the last one is scalar.
std::span<const Kernel* const> SupportedKernels();

}  // namespace millrace::index
