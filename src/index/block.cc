#include "index/block.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace millrace::index {

Block::Block(std::size_t dimension)
    : dimension_(dimension),
      padded_dimension_(PaddedDimension(dimension)),
      codes_(MakeAligned<std::int8_t>(kRows * padded_dimension_)),
      vectors_(MakeAligned<float>(kRows * padded_dimension_)),
      scales_(MakeAligned<float>(kRows)),
      errors_(MakeAligned<float>(kRows)),
      chunk_ids_(MakeAligned<core::ChunkId>(kRows)),
      extent_of_row_(MakeAligned<std::uint16_t>(kRows)),
      extent_(std::make_unique<Extent[]>(kRows)) {}

std::size_t Block::RowBytes(std::size_t dimension) {
  const std::size_t numbers = PaddedDimension(dimension) * (sizeof(float) + sizeof(std::int8_t));
  return numbers + 2 * sizeof(float) + sizeof(core::ChunkId) + sizeof(std::uint16_t) + sizeof(Extent);
}

ExtentRef Block::AddExtent(std::shared_ptr<Document> document, std::uint32_t rows, Sequence born) {
  Extent& extent = extent_[extents_];
  extent.document_id = document->id;
  extent.key_hash = document->key ? std::hash<std::string_view>()(*document->key) : 0;
  extent.document = std::move(document);
  extent.born = born;
  extent.rows = {rows_, rows_ + rows};
  std::fill_n(extent_of_row_.get() + rows_, rows, static_cast<std::uint16_t>(extents_));
  rows_ += rows;
  live_rows_ += rows;
  return {this, extents_++};
}

ExtentRef Block::Append(std::shared_ptr<Document> document, std::span<const core::ChunkId> chunk_ids,
                        std::span<const float> vectors, Sequence born) {
  std::copy(chunk_ids.begin(), chunk_ids.end(), chunk_ids_.get() + rows_);
  for (std::size_t i = 0; i < chunk_ids.size(); ++i) {
    const std::size_t row = rows_ + i;
    const RowScale quantized =
        QuantizeRow(vectors.subspan(i * dimension_, dimension_), vectors_.get() + row * padded_dimension_,
                    codes_.get() + row * padded_dimension_);
    scales_[row] = quantized.scale;
    errors_[row] = quantized.error;
  }
  return AddExtent(std::move(document), static_cast<std::uint32_t>(chunk_ids.size()), born);
}

ExtentRef Block::AppendCopy(const Block& other, const std::shared_ptr<Document>& document, RowRange rows,
                            Sequence born) {
  const std::uint32_t count = rows.end - rows.begin;
  const auto copy = [&](const auto& source, const auto& target, std::size_t width) {
    std::copy_n(source.get() + rows.begin * width, count * width, target.get() + rows_ * width);
  };
  copy(other.codes_, codes_, padded_dimension_);
  copy(other.vectors_, vectors_, padded_dimension_);
  copy(other.scales_, scales_, 1);
  copy(other.errors_, errors_, 1);
  copy(other.chunk_ids_, chunk_ids_, 1);
  return AddExtent(document, count, born);
}

void Block::Retire(std::uint32_t number, Sequence died) {
  extent_[number].died.store(died, std::memory_order_relaxed);
  live_rows_ -= extent_[number].rows.end - extent_[number].rows.begin;
}

}  // namespace millrace::index
