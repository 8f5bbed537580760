#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// A row of `embeddings` that another program wrote.
struct ForeignChunk {
  ChunkId id = 0;  // stays its id
  std::int32_t index = 0;
  std::string text;
  std::string cache_key;
};

/// A document of another program and what it wrote of it; no chunks: it was lost before it was embedded.
struct ForeignDocument {
  DocumentId id = 0;
  std::vector<ForeignChunk> chunks;  // ascending id
};

/// Taking over rows of another program (DELIVERY §8): adopting its chunks without embedding anew, queueing what it
/// lost, noticing what it removed. Thread-safe; each call is one or more short transactions.
class ForeignRows {
 public:
  virtual ~ForeignRows() = default;

  /// Documents above `after` with rows of another program that nobody decided on yet and that did not change since
  /// `settled`, ascending id: those with foreign chunks and no indexed version, and those without state.
  virtual base::Result<std::vector<ForeignDocument>> Find(Timestamp settled, DocumentId after, std::size_t limit) = 0;

  /// Documents that are indexed and have rows of another program besides, which nobody decides on; ascending id.
  virtual base::Result<std::vector<DocumentId>> FindLeft(std::size_t limit) = 0;

  /// Makes the foreign chunks version 1 (or the next), indexed: `vectors` is chunks × dimensions. Changes nothing when
  /// the document was indexed or deleted meanwhile. True when it was adopted.
  virtual base::Result<bool> Adopt(const ForeignDocument& document, const std::vector<float>& vectors) = 0;

  /// Gives a document without chunks its first version, to be processed (state, content, outbox).
  virtual base::Status Queue(DocumentId id) = 0;

  /// Documents whose row vanished (another program deleted it) become deleted. How many.
  virtual base::Result<std::int64_t> DeleteVanished() = 0;
};

}  // namespace millrace::core
