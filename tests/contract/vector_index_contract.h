#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/vector_index.h"

/// What every vector index must do, whatever is below it. A factory file per index instantiates the suite.
namespace millrace::contract {

struct VectorIndexFactory {
  std::string name;
  std::function<std::unique_ptr<core::VectorIndex>(std::size_t dimensions)> make;
  float tolerance = 1e-5f;  // of a score; results whose scores are closer than this may change places

  friend std::ostream& operator<<(std::ostream& out, const VectorIndexFactory& factory) { return out << factory.name; }
};

inline std::string VectorIndexName(const testing::TestParamInfo<VectorIndexFactory>& test) { return test.param.name; }

class VectorIndexContract : public testing::TestWithParam<VectorIndexFactory> {
 protected:
  static constexpr std::size_t kDimensions = 24;

  void SetUp() override { index_ = GetParam().make(kDimensions); }

  core::VectorIndex& index() { return *index_; }
  void Apply(std::vector<core::IndexEntry> batch);
  std::vector<core::ScoredChunk> Search(const std::vector<float>& vector, std::size_t top_k,
                                        const core::Filter* filter = nullptr, float min_score = -1);
  /// The documents a search for everything meets, with the number of their chunks.
  std::vector<std::pair<core::DocumentId, int>> Held();

 private:
  std::unique_ptr<core::VectorIndex> index_;
};

}  // namespace millrace::contract

/// Runs the suite on what `factory` makes. Once in a binary.
#define MILLRACE_INSTANTIATE_VECTOR_INDEX_CONTRACT(factory) \
  INSTANTIATE_TEST_SUITE_P(Index, VectorIndexContract, testing::Values(factory), VectorIndexName)
