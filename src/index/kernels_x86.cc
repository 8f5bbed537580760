#include "index/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <array>

// Per function, not per file: inline functions of headers must not be compiled for an instruction set that the machine
// may lack.
#define MILLRACE_AVX2 __attribute__((target("avx2,fma")))
#define MILLRACE_VNNI __attribute__((target("avx2,fma,avx512vl,avx512vnni")))

namespace millrace::index {
namespace {

constexpr std::uint32_t kRowsPerStep = 4;

using StepRows = std::array<std::uint32_t, kRowsPerStep>;
using StepCodes = std::array<const std::int8_t*, kRowsPerStep>;

/// The four rows from `row` on; the last of the range stands in for those behind it.
inline StepRows RowsOfStep(std::uint32_t row, std::uint32_t end) {
  return {row, std::min(row + 1, end - 1), std::min(row + 2, end - 1), std::min(row + 3, end - 1)};
}

inline StepCodes CodesOfStep(const CodeRows& rows, const StepRows& step, std::size_t stride) {
  return {rows.codes + step[0] * stride, rows.codes + step[1] * stride, rows.codes + step[2] * stride,
          rows.codes + step[3] * stride};
}

/// One bit for each of the four rows that may reach the threshold.
MILLRACE_AVX2 inline unsigned Reaching(const CodeRows& rows, const StepRows& step, __m128i dots,
                                       const QueryCodes& query, float threshold) {
  const __m128 scales =
      _mm_setr_ps(rows.scales[step[0]], rows.scales[step[1]], rows.scales[step[2]], rows.scales[step[3]]);
  const __m128 errors =
      _mm_setr_ps(rows.errors[step[0]], rows.errors[step[1]], rows.errors[step[2]], rows.errors[step[3]]);
  const __m128 scores = _mm_mul_ps(_mm_cvtepi32_ps(dots), _mm_mul_ps(scales, _mm_set1_ps(query.scale)));
  const __m128 bounds = _mm_add_ps(_mm_mul_ps(errors, _mm_set1_ps(query.norm)), _mm_set1_ps(query.slack));
  const __m128 reach = _mm_cmpge_ps(_mm_add_ps(scores, bounds), _mm_set1_ps(threshold));
  return static_cast<unsigned>(_mm_movemask_ps(reach));
}

inline std::size_t Append(unsigned reaching, std::uint32_t row, const std::array<std::int32_t, kRowsPerStep>& dots,
                          Survivor* out) {
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < kRowsPerStep; ++i) {
    if ((reaching >> i & 1U) != 0) out[count++] = {row + i, dots[i]};
  }
  return count;
}

MILLRACE_AVX2 inline __m256i Load32(const std::int8_t* codes) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(codes));
}

/// maddubs multiplies unsigned by signed and adds pairs in 16 bits: |query| · (row with the query's sign) is the
/// product wanted, and 2 · 127 · 127 does not saturate.
MILLRACE_AVX2 inline __m256i Products(__m256i row, __m256i query, __m256i magnitude) {
  const __m256i pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(row, query));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

MILLRACE_AVX2 inline __m128i SumEach(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

// Rows are read in ascending order, one after another: four in turns, or backwards, take two to five times as long, for
// the processor's own prefetch. (As arguments of one call they would be evaluated in any order.) prefetch.
MILLRACE_AVX2 inline __m256i DotAvx2(const std::int8_t* row, const QueryCodes& query) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < query.padded_dimension; i += 32) {
    const __m256i codes = Load32(query.codes.get() + i);
    sum = _mm256_add_epi32(sum, Products(Load32(row + i), codes, _mm256_abs_epi8(codes)));
  }
  return sum;
}

MILLRACE_AVX2 __m128i DotsAvx2(const StepCodes& rows, const QueryCodes& query) {
  const __m256i sum0 = DotAvx2(rows[0], query), sum1 = DotAvx2(rows[1], query);
  const __m256i sum2 = DotAvx2(rows[2], query), sum3 = DotAvx2(rows[3], query);
  return SumEach(sum0, sum1, sum2, sum3);
}

/// dpbusd takes unsigned by signed: flipping the top bit makes a row's codes unsigned, 128 too large each.
/// 256 bits at a time: with 512 the loads come too fast for the processor's prefetch, and the scan is a quarter slower.
MILLRACE_VNNI inline __m256i DotVnni(const std::int8_t* row, const QueryCodes& query) {
  __m256i sum = _mm256_setzero_si256();
  for (std::size_t i = 0; i < query.padded_dimension; i += 32) {
    const __m256i codes = _mm256_xor_si256(Load32(row + i), _mm256_set1_epi8(-128));
    sum = _mm256_dpbusd_epi32(sum, codes, Load32(query.codes.get() + i));
  }
  return sum;
}

MILLRACE_VNNI __m128i DotsVnni(const StepCodes& rows, const QueryCodes& query) {
  const __m256i sum0 = DotVnni(rows[0], query), sum1 = DotVnni(rows[1], query);
  const __m256i sum2 = DotVnni(rows[2], query), sum3 = DotVnni(rows[3], query);
  const __m128i sums = SumEach(sum0, sum1, sum2, sum3);
  return _mm_sub_epi32(sums, _mm_set1_epi32(128 * query.sum));
}

using DotsOfStep = __m128i (*)(const StepCodes& rows, const QueryCodes& query);

template <DotsOfStep kDots>
MILLRACE_AVX2 std::size_t Scan(const CodeRows& rows, const QueryCodes& query, float threshold, RowRange range,
                               Survivor* out) {
  std::size_t count = 0;
  for (std::uint32_t row = range.begin; row < range.end; row += kRowsPerStep) {
    const StepRows step = RowsOfStep(row, range.end);
    const __m128i dots = kDots(CodesOfStep(rows, step, query.padded_dimension), query);
    const unsigned valid = (1U << std::min(kRowsPerStep, range.end - row)) - 1;
    const unsigned reaching = Reaching(rows, step, dots, query, threshold) & valid;
    if (reaching == 0) continue;
    alignas(16) std::array<std::int32_t, kRowsPerStep> values;
    _mm_store_si128(reinterpret_cast<__m128i*>(values.data()), dots);
    count += Append(reaching, row, values, out + count);
  }
  return count;
}

MILLRACE_AVX2 inline float Sum(__m256 a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

MILLRACE_AVX2 float FloatDotAvx2(const float* a, const float* b, std::size_t size) {
  __m256 sum0 = _mm256_setzero_ps(), sum1 = sum0;
  for (std::size_t i = 0; i < size; i += 16) {
    sum0 = _mm256_fmadd_ps(_mm256_load_ps(a + i), _mm256_load_ps(b + i), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_load_ps(a + i + 8), _mm256_load_ps(b + i + 8), sum1);
  }
  return Sum(_mm256_add_ps(sum0, sum1));
}

bool HasAvx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool HasVnni() { return HasAvx2() && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni"); }

}  // namespace

const Kernel kAvx2Kernel = {"avx2", HasAvx2, Scan<DotsAvx2>, FloatDotAvx2};
const Kernel kVnniKernel = {"avx512-vnni", HasVnni, Scan<DotsVnni>, FloatDotAvx2};

}  // namespace millrace::index
#endif
