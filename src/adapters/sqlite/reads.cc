#include "adapters/sqlite/reads.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "adapters/sqlite/document_rows.h"

namespace millrace::sqlite {
namespace {

constexpr std::string_view kSelectChunks = R"sql(
    SELECT c.id, c.document_id, c.version, c.chunk_index, c.text, c.char_start, c.char_end, v.title, d.key, v.metadata
    FROM chunks c JOIN document_state s ON s.document_id = c.document_id JOIN documents d ON d.id = c.document_id
         JOIN document_versions v ON v.document_id = c.document_id AND v.version = c.version)sql";

/// The columns of an entry; joined to `document_state s`.
constexpr std::string_view kSelectEntry = R"sql(
    SELECT s.document_id, s.indexed_version, s.revision, v.title, d.key, v.metadata, s.chunk_count
    FROM document_state s JOIN documents d ON d.id = s.document_id
         JOIN document_versions v ON v.document_id = s.document_id AND v.version = s.indexed_version)sql";

core::IndexEntry ReadEntry(Connection& connection, const Statement& row) {
  core::IndexEntry entry;
  entry.id = row.Int(0);
  entry.version = row.Int(1);
  entry.revision = row.Int(2);
  entry.present = true;
  entry.title = row.Text(3);
  entry.key = row.OptionalText(4);
  entry.metadata = sql::ReadMetadata(row, 5, entry.id);
  const auto chunks = static_cast<std::size_t>(row.Int(6));
  entry.chunk_ids.reserve(chunks);
  Statement vectors(connection, R"sql(
      SELECT first_chunk_id, count, data FROM vectors WHERE document_id = ?1 AND version = ?2 ORDER BY first_index)sql");
  vectors.Bind(entry.id, entry.version);
  while (vectors.Step()) {
    for (std::int64_t i = 0; i < vectors.Int(1); ++i) entry.chunk_ids.push_back(vectors.Int(0) + i);
    const std::string_view data = vectors.View(2);
    const std::size_t held = entry.vectors.size(), added = data.size() / sizeof(float);
    if (held == 0 && vectors.Int(1) > 0)
      entry.vectors.reserve(chunks * (added / static_cast<std::size_t>(vectors.Int(1))));
    entry.vectors.resize(held + added);
    std::memcpy(entry.vectors.data() + held, data.data(), added * sizeof(float));
  }
  if (entry.chunk_ids.size() != chunks) {
    throw Failure({base::Code::kCorrupt, fmt::format("vectors of document {} are missing", entry.id), {}});
  }
  return entry;
}

}  // namespace

base::Result<std::string> Contents::ReadPart(core::DocumentId id, core::Version version, std::int32_t part) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::string> {
    Statement select(connection, fmt::format(sql::kSelectPart, "?1", "?2", "?3"));
    return sql::ReadPart(select.Bind(id, version, part).Step() ? &select : nullptr, id, version, part);
  });
}

base::Result<std::vector<core::StoredChunk>> Chunks::Hydrate(std::span<const core::ChunkId> ids) {
  const core::Timestamp readable_since = core::Now() - engine_.options.overtaken_chunks_stay;
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::StoredChunk>> {
    Statement select(connection, std::string(kSelectChunks) + R"sql(
        WHERE c.id = ?1 AND (c.version = s.indexed_version OR EXISTS (
          SELECT 1 FROM retired_versions r WHERE r.document_id = c.document_id AND r.version = c.version
            AND r.was_indexed AND r.retired_at > ?2)))sql");
    std::vector<core::StoredChunk> chunks;
    for (const core::ChunkId id : ids) {
      if (select.Bind(id, readable_since).Step()) chunks.push_back(sql::ReadChunk(select));
    }
    return chunks;
  });
}

base::Result<std::vector<core::StoredChunk>> Chunks::ListChunks(core::DocumentId id, std::int32_t first,
                                                                std::size_t limit) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::StoredChunk>> {
    Statement select(connection, std::string(kSelectChunks) + R"sql(
        WHERE c.document_id = ?1 AND c.version = s.indexed_version AND c.chunk_index >= ?2
        ORDER BY c.chunk_index LIMIT ?3)sql");
    select.Bind(id, first, limit);
    std::vector<core::StoredChunk> chunks;
    while (select.Step()) chunks.push_back(sql::ReadChunk(select));
    return chunks;
  });
}

base::Result<std::vector<core::IndexEntry>> Feed::Load(std::span<const core::DocumentId> ids) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::IndexEntry>> {
    Statement select(connection, std::string(kSelectEntry) + " WHERE s.document_id = ?1 AND s.indexed_version > 0");
    Statement absent(connection, "SELECT deleted_version, revision FROM document_state WHERE document_id = ?1");
    std::vector<core::IndexEntry> entries;
    entries.reserve(ids.size());
    for (const core::DocumentId id : ids) {
      if (select.Bind(id).Step()) {
        entries.push_back(ReadEntry(connection, select));
        continue;
      }
      core::IndexEntry entry;
      entry.id = id;
      if (absent.Bind(id).Step()) {
        entry.version = absent.Int(0);
        entry.revision = absent.Int(1);
      }
      entries.push_back(std::move(entry));
    }
    return entries;
  });
}

base::Result<std::vector<core::IndexEntry>> Feed::Scan(core::DocumentId after, std::size_t max_chunks) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::IndexEntry>> {
    Statement select(connection, std::string(kSelectEntry) +
                                     " WHERE s.document_id > ?1 AND s.indexed_version > 0 ORDER BY s.document_id");
    select.Bind(after);
    std::vector<core::IndexEntry> entries;
    std::size_t chunks = 0;
    while ((entries.empty() || chunks < max_chunks) && select.Step()) {
      entries.push_back(ReadEntry(connection, select));
      chunks += std::max<std::size_t>(entries.back().chunk_ids.size(), 1);
    }
    return entries;
  });
}

base::Result<std::vector<core::IndexedVersion>> Feed::ListVersions(core::DocumentId after, std::size_t limit) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::IndexedVersion>> {
    Statement select(connection, R"sql(
        SELECT document_id, indexed_version, revision FROM document_state
        WHERE document_id > ?1 AND indexed_version > 0 ORDER BY document_id LIMIT ?2)sql");
    select.Bind(after, limit);
    std::vector<core::IndexedVersion> versions;
    while (select.Step()) versions.push_back({select.Int(0), select.Int(1), select.Int(2)});
    return versions;
  });
}

}  // namespace millrace::sqlite
