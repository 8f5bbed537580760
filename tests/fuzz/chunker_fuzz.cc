#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "unit/core/chunking.h"

using millrace::core::Chunk;
using millrace::core::ChunkDraft;
using millrace::core::Chunked;
using millrace::core::Chunking;
using millrace::core::ChunkStrategy;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

/// Any bytes must pass; of valid text every chunk is the slice of its range, and the parts do not matter.
void Check(const Chunking& chunking, std::string_view content, std::size_t part_bytes) {
  const Chunked whole = Chunk(chunking, content);
  if (!millrace::base::IsValidUtf8(content)) return;
  const Chunked parts = Chunk(chunking, content, part_bytes);
  Require(whole.texts() == parts.texts() && whole.warning == parts.warning);
  Require(whole.chunks.empty() == millrace::base::TrimWhiteSpace(content).empty());
  std::int64_t last_start = -1, last_end = 0;
  std::size_t begin = 0;
  for (const ChunkDraft& chunk : whole.chunks) {
    Require(chunk.char_start > last_start && chunk.char_end > last_end);
    for (std::int64_t i = last_start < 0 ? 0 : last_start; i < chunk.char_start; ++i) {
      begin += millrace::base::DecodeCodePoint(content, begin).size;
    }
    Require(content.substr(begin, chunk.text.size()) == chunk.text);
    Require(millrace::base::CountCodePoints(chunk.text) == chunk.char_end - chunk.char_start);
    last_start = chunk.char_start;
    last_end = chunk.char_end;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Chunking chunkings[] = {{ChunkStrategy::kSentence, 200, 0},
                                {ChunkStrategy::kPassage, 16, 8},
                                {ChunkStrategy::kPassage, 200, 0},
                                {ChunkStrategy::kWhole, 200, 0}};
  const std::string_view content(reinterpret_cast<const char*>(data) + 2, size - 2);
  Check(chunkings[data[0] % 4], content, 1 + data[1]);
  return 0;
}
