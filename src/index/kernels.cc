#include "index/kernels.h"

#include <array>
#include <vector>

namespace millrace::index {
namespace {

std::size_t ScanScalar(const CodeRows& rows, const QueryCodes& query, float threshold, RowRange range, Survivor* out) {
  std::size_t count = 0;
  for (std::uint32_t row = range.begin; row < range.end; ++row) {
    const std::int8_t* codes = rows.codes + row * query.padded_dimension;
    std::int32_t dot = 0;
    for (std::size_t i = 0; i < query.padded_dimension; ++i) dot += codes[i] * query.codes[i];
    const float score = static_cast<float>(dot) * (rows.scales[row] * query.scale);
    if (score + (rows.errors[row] * query.norm + query.slack) >= threshold) out[count++] = {row, dot};
  }
  return count;
}

float DotScalar(const float* a, const float* b, std::size_t size) {
  std::array<float, 16> sums{};
  for (std::size_t i = 0; i < size; i += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

}  // namespace

const Kernel kScalarKernel = {"scalar", [] { return true; }, ScanScalar, DotScalar};

std::span<const Kernel* const> SupportedKernels() {
  static const std::vector<const Kernel*> kernels = [] {
    std::vector<const Kernel*> supported;
#if defined(__x86_64__)
    for (const Kernel* kernel : {&kVnniKernel, &kAvx2Kernel}) {
      if (kernel->supported()) supported.push_back(kernel);
    }
#endif
    supported.push_back(&kScalarKernel);
    return supported;
  }();
  return kernels;
}

}  // namespace millrace::index
