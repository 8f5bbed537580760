#pragma once

#include <map>
#include <mutex>

#include "core/vector_cache.h"

namespace millrace::memory {

/// The cache in memory, which ends with it. Thread-safe.
class MemoryCache final : public core::VectorCache {
 public:
  base::Status Put(std::span<const core::CachedDocument> documents, base::Deadline deadline) override;
  base::Result<std::int64_t> Remove(core::DocumentId id, core::Version deleted_version,
                                    base::Deadline deadline) override;
  base::Result<std::int64_t> Count(core::DocumentId id, base::Deadline deadline) override;
  base::Result<std::vector<core::CachedVersion>> Versions(std::span<const core::DocumentId> ids,
                                                          base::Deadline deadline) override;
  base::Result<std::vector<std::optional<std::vector<float>>>> Read(std::span<const std::string> keys,
                                                                    std::size_t dimensions,
                                                                    base::Deadline deadline) override;
  base::Result<Page> ScanDocuments(std::uint64_t cursor, base::Deadline deadline) override;
  base::Status Probe(std::chrono::milliseconds timeout) override;

  /// What another program does beside it.
  void Set(std::string key, std::string value);
  std::optional<std::string> Get(const std::string& key) const;
  void Unset(const std::string& key);
  void Clear();

 private:
  struct Mark {
    core::Version version = 0;
    core::Revision revision = 0;
    bool deleted = false;
    std::int32_t chunks = 0;
  };

  /// Removes the document's keys from chunk `from` on. How many.
  std::int64_t RemoveKeys(core::DocumentId id, std::int32_t from);

  mutable std::mutex mutex_;
  std::map<std::string, std::string> values_;
  std::map<core::DocumentId, Mark> marks_;
};

}  // namespace millrace::memory
