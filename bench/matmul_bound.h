#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace millrace::bench {

/// The rate of one core at the product that most of the model's work consists of: [512 × 384] · [384 × 1536], 32-bit
/// floats, by the runtime's own kernel with packed weights. No engine that keeps 32-bit floats gets far beyond it.
class MatmulBound {
 public:
  static base::Result<MatmulBound> Create(const std::string& runtime_path);
  MatmulBound(MatmulBound&&) noexcept;
  ~MatmulBound();

  /// FLOP per CPU second over about `seconds`.
  base::Result<double> Measure(double seconds);

 private:
  struct State;
  explicit MatmulBound(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// CPU seconds of the calling thread, and of the process.
double ThreadCpuSeconds();
double ProcessCpuSeconds();

}  // namespace millrace::bench
