#include "adapters/mysql/reads.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/rows.h"

namespace millrace::mysql {
namespace {

constexpr std::string_view kSelectChunks = R"sql(
    SELECT c.id, c.document_id, c.version, c.chunk_index, c.chunk_text, c.char_start, c.char_end, v.title, d.doc_key,
           v.metadata
    FROM embeddings c JOIN document_state s ON s.document_id = c.document_id JOIN documents d ON d.id = c.document_id
         JOIN document_versions v ON v.document_id = c.document_id AND v.version = c.version WHERE )sql";

std::string Select(std::string_view columns, std::string_view condition) {
  return std::string(columns).append(condition);
}

/// The columns of an entry without its vectors. A document that another program deleted has lost its row.
constexpr std::string_view kSelectEntries = R"sql(
    SELECT s.document_id, s.indexed_version, s.revision, v.title, d.doc_key, v.metadata, s.deleted_version,
           d.id IS NOT NULL AND v.version IS NOT NULL
    FROM document_state s LEFT JOIN documents d ON d.id = s.document_id
         LEFT JOIN document_versions v ON v.document_id = s.document_id AND v.version = s.indexed_version
    WHERE )sql";

core::IndexEntry ReadEntry(const Rows& row) {
  core::IndexEntry entry;
  entry.id = row.Int(0);
  entry.revision = row.Int(2);
  entry.present = row.Int(1) > 0 && row.Int(7) == 1;
  entry.version = entry.present ? row.Int(1) : row.Int(6);
  if (!entry.present) return entry;
  entry.title = row.Text(3);
  entry.key = row.OptionalText(4);
  entry.metadata = sql::ReadMetadata(row, 5, entry.id);
  return entry;
}

void AppendVector(core::IndexEntry& entry, core::ChunkId chunk, std::string_view bytes) {
  const std::size_t held = entry.vectors.size(), added = bytes.size() / sizeof(float);
  if (added == 0 || bytes.size() % sizeof(float) != 0 || held != added * entry.chunk_ids.size()) {
    throw Failure({base::Code::kCorrupt, fmt::format("the vector of chunk {} is damaged", chunk), {}});
  }
  entry.chunk_ids.push_back(chunk);
  entry.vectors.resize(held + added);
  std::memcpy(entry.vectors.data() + held, bytes.data(), bytes.size());
}

using Entries = std::map<core::DocumentId, core::IndexEntry>;

/// The entries of these documents and their vectors. Chunks whose rows another program removed are not among them.
Entries ReadEntries(Connection& connection, std::span<const core::DocumentId> ids) {
  Entries entries;
  InPieces(ids, [&](std::span<const core::DocumentId> piece) {
    const std::string list = ListOf(piece);
    Rows heads(connection, Select(kSelectEntries, "s.document_id IN " + list));
    while (heads.Next()) entries.emplace(heads.Int(0), ReadEntry(heads));
    Rows vectors(connection, fmt::format(R"sql(
        SELECT e.document_id, e.id, e.vector
        FROM document_state s FORCE INDEX(PRIMARY)
             STRAIGHT_JOIN embeddings e FORCE INDEX(embeddings_chunk)
             ON e.document_id = s.document_id AND e.version = s.indexed_version
        WHERE s.document_id IN {} AND e.vector IS NOT NULL ORDER BY e.document_id, e.chunk_index)sql",
                                         list));
    while (vectors.Next()) {
      core::IndexEntry& entry = entries.at(vectors.Int(0));
      if (entry.present) AppendVector(entry, vectors.Int(1), vectors.View(2));
    }
  });
  return entries;
}

/// Indexed documents above `after`, until they have about `max_chunks` chunks.
std::vector<core::DocumentId> FindPage(Connection& connection, core::DocumentId after, std::size_t max_chunks) {
  Rows rows(connection, fmt::format("SELECT document_id, chunk_count FROM document_state FORCE INDEX(PRIMARY) "
                                    "WHERE document_id > {} AND indexed_version > 0 ORDER BY document_id LIMIT {}",
                                    after, std::max<std::size_t>(max_chunks, 1)));
  std::vector<core::DocumentId> ids;
  for (std::int64_t chunks = 0; chunks < static_cast<std::int64_t>(max_chunks) || ids.empty();) {
    if (!rows.Next()) break;
    ids.push_back(rows.Int(0));
    chunks += std::max<std::int64_t>(rows.Int(1), 1);
  }
  return ids;
}

/// One query at a time, unless it takes long, say because a page of the table comes from the disk.
constexpr CallGroups<core::ChunkId, std::optional<core::StoredChunk>>::Bounds kHydrations{
    500, 0, 1, std::chrono::milliseconds(20)};

}  // namespace

base::Result<std::string> Contents::ReadPart(core::DocumentId id, core::Version version, std::int32_t part) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::string> {
    Rows rows(connection, fmt::format(sql::kSelectPart, id, version, part));
    return sql::ReadPart(rows.Next() ? &rows : nullptr, id, version, part);
  });
}

Chunks::Chunks(Engine& engine)
    : engine_(engine), hydrations_(kHydrations, [this](std::span<const core::ChunkId> ids, base::Deadline deadline) {
        return Find(ids, deadline);
      }) {}

base::Result<std::vector<core::StoredChunk>> Chunks::Hydrate(std::span<const core::ChunkId> ids) {
  if (ids.empty()) return std::vector<core::StoredChunk>();
  ASSIGN_OR_RETURN(auto found, hydrations_.Ask(ids, 0, engine_.CallDeadline()));
  std::vector<core::StoredChunk> chunks;
  for (auto& chunk : found) {
    if (chunk) chunks.push_back(std::move(*chunk));
  }
  return chunks;
}

Chunks::Hydrations::Answers Chunks::Find(std::span<const core::ChunkId> ids, base::Deadline deadline) {
  const core::Timestamp readable_since = core::Now() - engine_.options().overtaken_chunks_stay;
  return engine_.ReadOne(deadline, [&](Connection& connection) -> Hydrations::Answers {
    std::unordered_map<core::ChunkId, core::StoredChunk> found;
    InPieces(ids, [&](std::span<const core::ChunkId> piece) {
      Rows rows(connection,
                Select(kSelectChunks, fmt::format(R"sql(c.id IN {} AND (c.version = s.indexed_version OR EXISTS (
            SELECT 1 FROM retired_versions r WHERE r.document_id = c.document_id AND r.version = c.version
              AND r.was_indexed AND r.retired_at > {})))sql",
                                                  ListOf(piece), readable_since.time_since_epoch().count())));
      while (rows.Next()) found.emplace(rows.Int(0), sql::ReadChunk(rows));
    });
    std::vector<std::optional<core::StoredChunk>> chunks(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (const auto chunk = found.find(ids[i]); chunk != found.end()) chunks[i] = chunk->second;
    }
    return chunks;
  });
}

base::Result<std::vector<core::StoredChunk>> Chunks::ListChunks(core::DocumentId id, std::int32_t first,
                                                                std::size_t limit) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::StoredChunk>> {
    Rows rows(connection, Select(kSelectChunks, fmt::format("c.document_id = {} AND c.version = s.indexed_version AND "
                                                            "c.chunk_index >= {} ORDER BY c.chunk_index LIMIT {}",
                                                            id, first, limit)));
    std::vector<core::StoredChunk> chunks;
    while (rows.Next()) chunks.push_back(sql::ReadChunk(rows));
    return chunks;
  });
}

base::Result<std::vector<core::IndexEntry>> Feed::Load(std::span<const core::DocumentId> ids) {
  return engine_.Read([&](Connection& connection) -> base::Result<std::vector<core::IndexEntry>> {
    const std::set<core::DocumentId> distinct(ids.begin(), ids.end());
    const std::vector<core::DocumentId> ascending(distinct.begin(), distinct.end());
    const Entries found = ReadEntries(connection, ascending);
    std::vector<core::IndexEntry> entries(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto entry = found.find(ids[i]);
      if (entry != found.end()) entries[i] = entry->second;
      entries[i].id = ids[i];
    }
    return entries;
  });
}

base::Result<std::vector<core::IndexEntry>> Feed::Scan(core::DocumentId after, std::size_t max_chunks) {
  return engine_.Read([&](Connection& connection) -> base::Result<std::vector<core::IndexEntry>> {
    std::vector<core::IndexEntry> entries;
    // A page may hold only documents whose rows another program removed; an empty one would mean the end.
    for (auto ids = FindPage(connection, after, max_chunks); entries.empty() && !ids.empty();
         ids = FindPage(connection, ids.back(), max_chunks)) {
      for (auto& [id, entry] : ReadEntries(connection, ids)) {
        if (entry.present) entries.push_back(std::move(entry));
      }
    }
    return entries;
  });
}

base::Result<std::vector<core::IndexedVersion>> Feed::ListVersions(core::DocumentId after, std::size_t limit) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::IndexedVersion>> {
    Rows rows(connection,
              fmt::format("SELECT document_id, indexed_version, revision FROM document_state FORCE INDEX(PRIMARY) "
                          "WHERE document_id > {} AND indexed_version > 0 ORDER BY document_id LIMIT {}",
                          after, limit));
    std::vector<core::IndexedVersion> versions;
    while (rows.Next()) versions.push_back({rows.Int(0), rows.Int(1), rows.Int(2)});
    return versions;
  });
}

}  // namespace millrace::mysql
