#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// What an index needs of one document. `present == false`: nothing of it may be answered (deleted, or never indexed).
struct IndexEntry {
  DocumentId id = 0;
  Version version = 0;  // the indexed one; of a deleted document the deleted version
  Revision revision = 0;
  bool present = false;
  std::string title;
  std::optional<std::string> key;
  Metadata metadata;
  std::vector<ChunkId> chunk_ids;  // ascending chunk index
  std::vector<float> vectors;      // chunk_ids.size() × dimensions
};

struct IndexedVersion {
  DocumentId id = 0;
  Version version = 0;
  Revision revision = 0;

  friend bool operator==(const IndexedVersion&, const IndexedVersion&) = default;
};

/// Where indexes are rebuilt from. Thread-safe; reads a consistent snapshot per call.
class IndexFeed {
 public:
  virtual ~IndexFeed() = default;

  /// One entry per id, in the order asked.
  virtual base::Result<std::vector<IndexEntry>> Load(std::span<const DocumentId> ids) = 0;

  /// Indexed documents with ids above `after`, ascending, until about `max_chunks` chunks are in the page; empty at the
  /// end.
  virtual base::Result<std::vector<IndexEntry>> Scan(DocumentId after, std::size_t max_chunks) = 0;

  /// Indexed documents with ids above `after`, ascending; empty at the end.
  virtual base::Result<std::vector<IndexedVersion>> ListVersions(DocumentId after, std::size_t limit) = 0;
};

}  // namespace millrace::core
