#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/vector_index.h"

namespace millrace::memory {

/// Compares every vector with the query, in plain float: the oracle of every faster index. Thread-safe: a search reads
/// the snapshot that was there when it began. O(chunks × dimensions) a search, O(documents) an Apply.
class FloatIndex : public core::VectorIndex {
 public:
  base::Status Apply(std::vector<core::IndexEntry> batch) override;
  base::Result<std::vector<core::ScoredChunk>> Search(const core::VectorQuery& query) const override;
  base::Result<core::IndexedVersion> Find(core::DocumentId id) const override;
  base::Result<std::vector<core::IndexedVersion>> ListVersions(core::DocumentId after,
                                                               std::size_t limit) const override;
  core::IndexSize size() const override;

 private:
  /// Entries that are not present are tombstones: they keep older ones out.
  struct Snapshot {
    std::map<core::DocumentId, std::shared_ptr<const core::IndexEntry>> entries;
    std::optional<std::size_t> dimensions;  // of all vectors ever held
  };

  std::shared_ptr<const Snapshot> snapshot() const;

  mutable std::mutex mutex_;  // guards the pointer, not what it points to
  std::mutex writer_mutex_;
  std::shared_ptr<const Snapshot> snapshot_ = std::make_shared<Snapshot>();
};

}  // namespace millrace::memory
