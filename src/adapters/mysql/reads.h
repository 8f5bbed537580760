#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/mysql/call_groups.h"
#include "adapters/mysql/engine.h"
#include "core/document_store.h"
#include "core/index_feed.h"

namespace millrace::mysql {

class Contents final : public core::ContentStore {
 public:
  explicit Contents(Engine& engine) : engine_(engine) {}
  base::Result<std::string> ReadPart(core::DocumentId id, core::Version version, std::int32_t part) override;

 private:
  Engine& engine_;
};

class Chunks final : public core::ChunkStore {
 public:
  explicit Chunks(Engine& engine);
  base::Result<std::vector<core::StoredChunk>> Hydrate(std::span<const core::ChunkId> ids) override;
  base::Result<std::vector<core::StoredChunk>> ListChunks(core::DocumentId id, std::int32_t first,
                                                          std::size_t limit) override;

 private:
  /// Of searches that come at the same time in one query: finding ten passages by their ids costs the server less than
  /// reading and planning the query does.
  using Hydrations = CallGroups<core::ChunkId, std::optional<core::StoredChunk>>;

  Hydrations::Answers Find(std::span<const core::ChunkId> ids, base::Deadline deadline);

  Engine& engine_;
  Hydrations hydrations_;
};

class Feed final : public core::IndexFeed {
 public:
  explicit Feed(Engine& engine) : engine_(engine) {}
  base::Result<std::vector<core::IndexEntry>> Load(std::span<const core::DocumentId> ids) override;
  base::Result<std::vector<core::IndexEntry>> Scan(core::DocumentId after, std::size_t max_chunks) override;
  base::Result<std::vector<core::IndexedVersion>> ListVersions(core::DocumentId after, std::size_t limit) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
