#include "index/block.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace millrace::index {

namespace {

std::size_t ArenaBytes(std::size_t dimension) {
  const std::size_t numbers = PaddedDimension(dimension) * (sizeof(float) + sizeof(std::int8_t));
  return Block::kRows * (numbers + 2 * sizeof(float) + sizeof(core::ChunkId) + sizeof(std::uint16_t));
}

}  // namespace

Block::Block(std::size_t dimension)
    : dimension_(dimension),
      padded_dimension_(PaddedDimension(dimension)),
      arena_(ArenaBytes(dimension)),
      codes_(arena_.Take<std::int8_t>(kRows * padded_dimension_)),
      vectors_(arena_.Take<float>(kRows * padded_dimension_)),
      scales_(arena_.Take<float>(kRows)),
      errors_(arena_.Take<float>(kRows)),
      chunk_ids_(arena_.Take<core::ChunkId>(kRows)),
      extent_of_row_(arena_.Take<std::uint16_t>(kRows)),
      extent_(std::make_unique<Extent[]>(kRows)) {}

std::size_t Block::Bytes(std::size_t dimension) {
  return PageArena::RoundUp(ArenaBytes(dimension)) + kRows * sizeof(Extent) + sizeof(Block);
}

ExtentRef Block::AddExtent(std::shared_ptr<Document> document, std::uint32_t rows) {
  Extent& extent = extent_[extents_];
  extent.document_id = document->id;
  extent.key_hash = document->key ? std::hash<std::string_view>()(*document->key) : 0;
  extent.document = std::move(document);
  extent.rows = {rows_, rows_ + rows};
  std::fill_n(extent_of_row_ + rows_, rows, static_cast<std::uint16_t>(extents_));
  rows_ += rows;
  live_rows_ += rows;
  return {this, extents_++};
}

ExtentRef Block::Append(std::shared_ptr<Document> document, std::span<const core::ChunkId> chunk_ids,
                        std::span<const float> vectors) {
  std::copy(chunk_ids.begin(), chunk_ids.end(), chunk_ids_ + rows_);
  for (std::size_t i = 0; i < chunk_ids.size(); ++i) {
    const std::size_t row = rows_ + i;
    const RowScale quantized = QuantizeRow(vectors.subspan(i * dimension_, dimension_),
                                           vectors_ + row * padded_dimension_, codes_ + row * padded_dimension_);
    scales_[row] = quantized.scale;
    errors_[row] = quantized.error;
  }
  return AddExtent(std::move(document), static_cast<std::uint32_t>(chunk_ids.size()));
}

ExtentRef Block::AppendCopy(const Block& other, const std::shared_ptr<Document>& document, RowRange rows) {
  const std::uint32_t count = rows.end - rows.begin;
  const auto copy = [&](const auto& source, const auto& target, std::size_t width) {
    std::copy_n(source + rows.begin * width, count * width, target + rows_ * width);
  };
  copy(other.codes_, codes_, padded_dimension_);
  copy(other.vectors_, vectors_, padded_dimension_);
  copy(other.scales_, scales_, 1);
  copy(other.errors_, errors_, 1);
  copy(other.chunk_ids_, chunk_ids_, 1);
  return AddExtent(document, count);
}

void Block::Retire(std::uint32_t number, Sequence died) {
  extent_[number].died.store(died, std::memory_order_relaxed);
  live_rows_ -= extent_[number].rows.end - extent_[number].rows.begin;
}

}  // namespace millrace::index
