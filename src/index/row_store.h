#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "index/block.h"

namespace millrace::index {

/// What one search works on: it stays as it is while writes go on.
struct Snapshot {
  struct Part {
    std::shared_ptr<const Block> block;
    std::uint32_t rows = 0, extents = 0;
  };

  Sequence sequence = 0;
  std::size_t dimension = 0;  // 0 until the first vector came
  std::vector<Part> parts;
};

/// The rows of all documents, in blocks. One writer at a time; what it adds and retires becomes visible together with
/// Publish(). `snapshot` is thread-safe and waits for no more than the copy of a pointer.
class RowStore {
 public:
  RowStore();

  std::shared_ptr<const Snapshot> snapshot() const;

  /// Adds rows and notes them in `document->extents`. REQUIRES: the same dimension as ever, finite numbers.
  void Add(const std::shared_ptr<Document>& document, std::span<const core::ChunkId> chunk_ids,
           std::span<const float> vectors);

  /// Takes a document's rows away.
  void Retire(Document& document);

  /// Frees the memory of dead rows once they are more than one in eight. A call moves few rows beyond eight for each
  /// one that was retired since the last: enough to keep that ratio in the long run, and no call is long.
  void Compact();

  void Publish();

  std::size_t dimension() const { return dimension_; }  // 0 before the first row
  std::size_t bytes() const { return blocks_.size() * Block::Bytes(dimension_); }

 private:
  Block& Tail();
  void Kill(ExtentRef ref);
  std::size_t Move(ExtentRef ref);
  void DropDeadBlocks();
  Block* SparsestFullBlock() const;

  std::size_t dimension_ = 0;
  Sequence next_sequence_ = 1;
  std::vector<std::shared_ptr<Block>> blocks_;  // all full but the last
  std::size_t rows_ = 0, dead_rows_ = 0;
  std::size_t retired_rows_ = 0;  // since the last Compact()
  bool may_have_dead_blocks_ = false;

  mutable std::mutex snapshot_mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace millrace::index
