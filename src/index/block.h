#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/index_feed.h"
#include "index/kernels.h"
#include "index/page_arena.h"

namespace millrace::index {

/// Counts the states of the index; a search sees one of them.
using Sequence = std::uint64_t;

class Block;

/// Where one extent lies.
struct ExtentRef {
  Block* block = nullptr;
  std::uint32_t number = 0;

  friend bool operator==(const ExtentRef&, const ExtentRef&) = default;
};

/// One version of one document. Everything but `extents` is immutable; those belong to the writer alone.
struct Document {
  core::DocumentId id = 0;
  std::string title;
  std::optional<std::string> key;
  core::Metadata metadata;
  std::size_t bytes = 0;  // estimate of the memory it takes, rows apart
  std::size_t chunks = 0;
  std::vector<ExtentRef> extents;
};

/// Neighbouring rows of one document, there for searches of the sequences before `died`; older searches than the extent
/// itself do not reach it, since a snapshot counts the rows that were there.
struct Extent {
  static constexpr Sequence kNever = std::numeric_limits<Sequence>::max();

  std::shared_ptr<Document> document;
  core::DocumentId document_id = 0;  // copied out of the document, because filters look at it for every extent
  std::size_t key_hash = 0;          // 0 when it has no key
  std::atomic<Sequence> died = kNever;
  RowRange rows;

  bool alive() const { return died.load(std::memory_order_relaxed) == kNever; }
  bool VisibleAt(Sequence sequence) const { return sequence < died.load(std::memory_order_relaxed); }
};

/// A fixed number of rows, filled from the front and never changed afterwards but for the extents' `died`. One thread
/// appends; others may read the rows and extents that were there when they got hold of a snapshot.
class Block {
 public:
  static constexpr std::uint32_t kRows = 1024;

  explicit Block(std::size_t dimension);

  std::uint32_t rows() const { return rows_; }
  std::uint32_t free_rows() const { return kRows - rows_; }
  std::uint32_t live_rows() const { return live_rows_; }
  std::uint32_t extents() const { return extents_; }

  /// Appends the rows of one extent. REQUIRES: chunk_ids.size() ≤ free_rows(), vectors finite.
  ExtentRef Append(std::shared_ptr<Document> document, std::span<const core::ChunkId> chunk_ids,
                   std::span<const float> vectors);

  /// Appends copies of some rows of one extent of another block.
  ExtentRef AppendCopy(const Block& other, const std::shared_ptr<Document>& document, RowRange rows);

  /// Ends an extent: searches from `died` on do not see it.
  void Retire(std::uint32_t number, Sequence died);

  Extent& extent(std::uint32_t number) { return extent_[number]; }
  const Extent& extent(std::uint32_t number) const { return extent_[number]; }
  std::uint32_t extent_of_row(std::uint32_t row) const { return extent_of_row_[row]; }

  CodeRows codes() const { return {codes_, scales_, errors_}; }
  const float* vector(std::uint32_t row) const { return vectors_ + row * padded_dimension_; }
  core::ChunkId chunk_id(std::uint32_t row) const { return chunk_ids_[row]; }

  /// Memory of a block, filled or not.
  static std::size_t Bytes(std::size_t dimension);

 private:
  ExtentRef AddExtent(std::shared_ptr<Document> document, std::uint32_t rows);

  const std::size_t dimension_, padded_dimension_;
  std::uint32_t rows_ = 0, live_rows_ = 0, extents_ = 0;  // the writer's; readers have their own counts in the snapshot
  PageArena arena_;
  std::int8_t* const codes_;
  float* const vectors_;
  float* const scales_;
  float* const errors_;
  core::ChunkId* const chunk_ids_;
  std::uint16_t* const extent_of_row_;
  std::unique_ptr<Extent[]> extent_;
};

}  // namespace millrace::index
