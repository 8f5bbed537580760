#pragma once

#include "adapters/redis/connection_pool.h"
#include "core/vector_cache.h"

namespace millrace::redis {

struct Script;

/// The vectors in a Redis server. Nothing is opened before the first call, and what breaks is opened again by the next,
/// so that a server that is down or restarts needs no care. Thread-safe.
class RedisCache final : public core::VectorCache {
 public:
  explicit RedisCache(RedisOptions options) : pool_(std::move(options)) {}

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

 private:
  /// Runs commands; the first that the server refuses is the error of all.
  base::Result<std::vector<Reply>> Run(std::span<const Command> commands, base::Deadline deadline);
  /// Runs calls of one script, which the server learns when it does not know it (a restart, SCRIPT FLUSH).
  base::Result<std::vector<Reply>> RunScript(const Script& script, std::vector<Command> calls, base::Deadline deadline);
  base::Error Failure(std::string_view reason) const;

  ConnectionPool pool_;
};

}  // namespace millrace::redis
