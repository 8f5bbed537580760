#include "index/row_store.h"

#include <algorithm>
#include <utility>

namespace millrace::index {
namespace {

constexpr std::size_t kMaxDeadFraction = 8;  // one row in eight
// The sparsest block is at least as dead as the average: freeing one dead row moves at most seven live ones.
constexpr std::size_t kMovesPerRetiredRow = 8;
constexpr std::size_t kSpareMoves = 128;  // so that a backlog also shrinks under additions

}  // namespace

RowStore::RowStore() : snapshot_(std::make_shared<const Snapshot>()) {}

std::shared_ptr<const Snapshot> RowStore::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

Block& RowStore::Tail() {
  if (blocks_.empty() || blocks_.back()->free_rows() == 0) {
    blocks_.push_back(std::make_shared<Block>(dimension_));
    may_have_dead_blocks_ = true;  // the one that was last until now
  }
  return *blocks_.back();
}

void RowStore::Add(const std::shared_ptr<Document>& document, std::span<const core::ChunkId> chunk_ids,
                   std::span<const float> vectors) {
  if (chunk_ids.empty()) return;
  dimension_ = vectors.size() / chunk_ids.size();
  rows_ += chunk_ids.size();
  while (!chunk_ids.empty()) {
    Block& tail = Tail();
    const std::size_t count = std::min<std::size_t>(chunk_ids.size(), tail.free_rows());
    document->extents.push_back(tail.Append(document, chunk_ids.first(count), vectors.first(count * dimension_)));
    chunk_ids = chunk_ids.subspan(count);
    vectors = vectors.subspan(count * dimension_);
  }
}

void RowStore::Retire(Document& document) {
  for (const ExtentRef ref : document.extents) Kill(ref);
  document.extents.clear();
  retired_rows_ += document.chunks;
}

void RowStore::Kill(ExtentRef ref) {
  const RowRange rows = ref.block->extent(ref.number).rows;
  ref.block->Retire(ref.number, next_sequence_);
  dead_rows_ += rows.end - rows.begin;
  if (ref.block->live_rows() == 0) may_have_dead_blocks_ = true;
}

std::size_t RowStore::Move(ExtentRef ref) {
  const std::shared_ptr<Document> document = ref.block->extent(ref.number).document;
  RowRange rest = ref.block->extent(ref.number).rows;
  const std::size_t moved = rest.end - rest.begin;
  std::erase(document->extents, ref);
  while (rest.begin < rest.end) {
    Block& tail = Tail();
    const RowRange rows = {rest.begin, std::min(rest.end, rest.begin + tail.free_rows())};
    document->extents.push_back(tail.AppendCopy(*ref.block, document, rows));
    rest.begin = rows.end;
  }
  rows_ += moved;
  Kill(ref);
  return moved;
}

void RowStore::DropDeadBlocks() {
  if (!std::exchange(may_have_dead_blocks_, false)) return;
  std::erase_if(blocks_, [this](const std::shared_ptr<Block>& block) {
    if (block->live_rows() > 0 || block == blocks_.back()) return false;
    rows_ -= Block::kRows;
    dead_rows_ -= Block::kRows;
    return true;
  });
}

Block* RowStore::SparsestFullBlock() const {
  if (blocks_.size() < 2) return nullptr;
  const auto sparsest = std::min_element(blocks_.begin(), blocks_.end() - 1,
                                         [](const auto& a, const auto& b) { return a->live_rows() < b->live_rows(); });
  return sparsest->get();
}

void RowStore::Compact() {
  std::size_t moves = kSpareMoves + kMovesPerRetiredRow * std::exchange(retired_rows_, 0);
  DropDeadBlocks();
  while (moves > 0 && dead_rows_ * kMaxDeadFraction > rows_) {
    Block* block = SparsestFullBlock();
    if (block == nullptr) return;
    for (std::uint32_t i = 0; i < block->extents() && moves > 0; ++i) {
      if (block->extent(i).alive()) moves -= std::min(moves, Move({block, i}));
    }
    DropDeadBlocks();
  }
}

void RowStore::Publish() {
  auto next = std::make_shared<Snapshot>();
  next->sequence = next_sequence_++;
  next->dimension = dimension_;
  next->parts.reserve(blocks_.size());
  for (const std::shared_ptr<Block>& block : blocks_) next->parts.push_back({block, block->rows(), block->extents()});
  std::shared_ptr<const Snapshot> previous = std::move(next);
  const std::lock_guard lock(snapshot_mutex_);
  snapshot_.swap(previous);
}

}  // namespace millrace::index
