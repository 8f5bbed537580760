#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "core/filter.h"
#include "core/index_feed.h"

namespace millrace::core {

struct ScoredChunk {
  ChunkId chunk_id = 0;
  DocumentId document_id = 0;
  float score = 0;  // cosine, −1 … 1
};

struct VectorQuery {
  std::span<const float> vector;  // unit length
  std::size_t top_k = 10;
  float min_score = -1;
  const Filter* filter = nullptr;
};

struct IndexSize {
  std::int64_t documents = 0, chunks = 0, bytes = 0;
};

/// Nearest chunks by cosine. Thread-safe; searches never wait for writes and see each document wholly in one version.
class VectorIndex {
 public:
  virtual ~VectorIndex() = default;

  /// Each document's chunks replace those it had; an entry not newer by (version, revision) than what is held is
  /// ignored, and one that is not `present` removes. All of the batch becomes visible when it returns.
  virtual base::Status Apply(std::vector<IndexEntry> batch) = 0;

  /// Best first; equal scores by ascending chunk id.
  virtual base::Result<std::vector<ScoredChunk>> Search(const VectorQuery& query) const = 0;

  /// {0, 0} for a document it does not hold.
  virtual base::Result<IndexedVersion> Find(DocumentId id) const = 0;

  /// Documents held with ids above `after`, ascending; empty at the end.
  virtual base::Result<std::vector<IndexedVersion>> ListVersions(DocumentId after, std::size_t limit) const = 0;

  virtual IndexSize size() const = 0;
};

}  // namespace millrace::core
