#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/document.h"

namespace millrace::core {

/// A piece of a document, before it is stored. Ranges count Unicode code points of the content, end exclusive.
struct ChunkDraft {
  std::int32_t index = 0;  // 0, 1, 2 … within the document
  std::string text;        // what is embedded and shown
  std::int64_t char_start = 0, char_end = 0;
};

/// A stored chunk with what an answer shows of its document.
struct StoredChunk {
  ChunkId id = 0;
  DocumentId document_id = 0;
  Version version = 0;
  ChunkDraft chunk;
  std::string document_title;
  std::optional<std::string> document_key;
  Metadata document_metadata;
};

}  // namespace millrace::core
