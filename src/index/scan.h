#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/vector_index.h"
#include "index/row_store.h"
#include "index/shortlist.h"

namespace millrace::index {

/// One search of one snapshot. Reads all codes, keeps the rows whose upper bound reaches the best k lower bounds, and
/// scores these by their float vectors: the answer is that of a search by floats alone.
class Scan {
 public:
  Scan(const Snapshot& snapshot, const Kernel& kernel, const core::VectorQuery& query);

  std::vector<core::ScoredChunk> Run();

 private:
  struct Candidate {
    float upper = 0;  // bound of its score
    std::uint32_t part = 0, row = 0;
  };

  void ScanPart(std::uint32_t part);
  void ScanRows(std::uint32_t part, RowRange rows);
  void Consider(std::uint32_t part, Survivor survivor);
  bool Answers(const Extent& extent, std::uint32_t number);
  std::vector<core::ScoredChunk> Rescore();

  const Snapshot& snapshot_;
  const Kernel& kernel_;
  const core::VectorQuery& query_;
  const QueryCodes codes_;
  const Shortlist shortlist_;

  float threshold_;                  // no row with a smaller upper bound is in the answer
  std::vector<float> lower_bounds_;  // heap of the best k, the least in front
  std::vector<Candidate> candidates_;
  std::vector<std::uint8_t> verdicts_;  // of the filter, for the extents of the part being scanned
  std::array<Survivor, 256> survivors_;
};

}  // namespace millrace::index
