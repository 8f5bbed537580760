#include "index/scan.h"

#include <algorithm>
#include <functional>

namespace millrace::index {
namespace {

enum Verdict : std::uint8_t { kUnknown, kAccepted, kRefused };

bool IsBetter(const core::ScoredChunk& a, const core::ScoredChunk& b) {
  return a.score != b.score ? a.score > b.score : a.chunk_id < b.chunk_id;
}

}  // namespace

Scan::Scan(const Snapshot& snapshot, const Kernel& kernel, const core::VectorQuery& query)
    : snapshot_(snapshot),
      kernel_(kernel),
      query_(query),
      codes_(QuantizeQuery(query.vector)),
      shortlist_(query.filter),
      threshold_(query.min_score) {}

std::vector<core::ScoredChunk> Scan::Run() {
  for (std::uint32_t part = 0; part < snapshot_.parts.size(); ++part) ScanPart(part);
  return Rescore();
}

void Scan::ScanPart(std::uint32_t part) {
  const auto& [block, rows, extents] = snapshot_.parts[part];
  if (query_.filter != nullptr) verdicts_.assign(extents, kUnknown);
  if (shortlist_.admits_all()) {
    ScanRows(part, {0, rows});
    return;
  }
  for (std::uint32_t i = 0; i < extents; ++i) {
    if (shortlist_.Admits(block->extent(i))) ScanRows(part, block->extent(i).rows);
  }
}

void Scan::ScanRows(std::uint32_t part, RowRange rows) {
  const auto step = static_cast<std::uint32_t>(survivors_.size());
  for (std::uint32_t begin = rows.begin; begin < rows.end; begin += step) {
    const RowRange range = {begin, std::min(rows.end, begin + step)};
    const std::size_t count =
        kernel_.scan(snapshot_.parts[part].block->codes(), codes_, threshold_, range, survivors_.data());
    for (std::size_t i = 0; i < count; ++i) Consider(part, survivors_[i]);
  }
}

void Scan::Consider(std::uint32_t part, Survivor survivor) {
  const Block& block = *snapshot_.parts[part].block;
  const CodeRows rows = block.codes();
  const float score = static_cast<float>(survivor.dot) * (rows.scales[survivor.row] * codes_.scale);
  const float bound = rows.errors[survivor.row] * codes_.norm + codes_.slack;
  if (score + bound < threshold_) return;  // it has risen since the kernel was called
  const std::uint32_t number = block.extent_of_row(survivor.row);
  if (!Answers(block.extent(number), number)) return;

  candidates_.push_back({score + bound, part, survivor.row});
  lower_bounds_.push_back(score - bound);
  std::push_heap(lower_bounds_.begin(), lower_bounds_.end(), std::greater<>());
  if (lower_bounds_.size() > query_.top_k) {
    std::pop_heap(lower_bounds_.begin(), lower_bounds_.end(), std::greater<>());
    lower_bounds_.pop_back();
  }
  if (lower_bounds_.size() == query_.top_k) threshold_ = std::max(threshold_, lower_bounds_.front());
}

bool Scan::Answers(const Extent& extent, std::uint32_t number) {
  if (!extent.VisibleAt(snapshot_.sequence)) return false;
  if (query_.filter == nullptr) return true;
  std::uint8_t& verdict = verdicts_[number];
  if (verdict == kUnknown) {
    const Document& document = *extent.document;
    const bool matches = core::Matches(*query_.filter, document.id, document.title, document.key, document.metadata);
    verdict = matches ? kAccepted : kRefused;
  }
  return verdict == kAccepted;
}

std::vector<core::ScoredChunk> Scan::Rescore() {
  std::erase_if(candidates_, [this](const Candidate& candidate) { return candidate.upper < threshold_; });
  const auto by_upper = [](const Candidate& a, const Candidate& b) { return a.upper < b.upper; };
  std::make_heap(candidates_.begin(), candidates_.end(), by_upper);

  std::vector<core::ScoredChunk> best;  // heap, the worst in front
  while (!candidates_.empty()) {
    std::pop_heap(candidates_.begin(), candidates_.end(), by_upper);
    const auto [upper, part, row] = candidates_.back();
    candidates_.pop_back();
    if (best.size() == query_.top_k && upper < best.front().score) break;  // nor can any that follows

    const Block& block = *snapshot_.parts[part].block;
    const float dot = kernel_.dot(block.vector(row), codes_.unit.get(), codes_.padded_dimension);
    const float score = std::clamp(dot, -1.0F, 1.0F);
    if (score < query_.min_score) continue;
    best.push_back({block.chunk_id(row), block.extent(block.extent_of_row(row)).document_id, score});
    std::push_heap(best.begin(), best.end(), IsBetter);
    if (best.size() > query_.top_k) {
      std::pop_heap(best.begin(), best.end(), IsBetter);
      best.pop_back();
    }
  }
  std::sort_heap(best.begin(), best.end(), IsBetter);
  return best;
}

}  // namespace millrace::index
