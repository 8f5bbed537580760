#include "adapters/mysql/chunk_rows.h"

#include <fmt/core.h>

#include <bit>
#include <string>
#include <string_view>

#include "adapters/mysql/rows.h"

static_assert(std::endian::native == std::endian::little, "vectors are stored little-endian");

namespace millrace::mysql {
namespace {

std::string_view Bytes(std::span<const float> floats) {
  return {reinterpret_cast<const char*>(floats.data()), floats.size_bytes()};
}

base::Status Invalid(const core::Effects& effects, std::string_view what) {
  return {base::Code::kInvalidArgument, fmt::format("effects of document {}: {}", effects.id, what)};
}

base::Status CheckShape(const core::Effects& effects) {
  if (effects.chunks.size() > core::Effects::kMaxRows)
    return Invalid(effects, "more chunks than one transaction takes");
  if (effects.chunks.empty())
    return effects.vectors.empty() ? base::Status() : Invalid(effects, "vectors without chunks");
  if (effects.vectors.empty() || effects.vectors.size() % effects.chunks.size() != 0) {
    return Invalid(effects, "the vectors do not fit the chunks");
  }
  for (std::size_t i = 1; i < effects.chunks.size(); ++i) {
    if (effects.chunks[i].index != effects.chunks[i - 1].index + 1) return Invalid(effects, "chunks are missing");
  }
  return {};
}

/// The length of the stored vectors; `first` where there are none yet. Shared with those who publish at the same time,
/// not with one who changes it.
std::int64_t LockDimensions(Connection& connection, std::size_t first) {
  constexpr std::string_view kSelect = "SELECT value FROM millrace_meta WHERE name = 'dimensions' LOCK IN SHARE MODE";
  if (const auto stored = connection.Int(kSelect)) return *stored;
  connection.Run("INSERT INTO millrace_meta(name, value) VALUES ('dimensions', ?) ON DUPLICATE KEY UPDATE name = name",
                 std::to_string(first));
  return connection.Int(kSelect).value_or(0);
}

std::size_t DimensionsOf(const core::Effects& effects) { return effects.vectors.size() / effects.chunks.size(); }

}  // namespace

base::Status Check(Connection& connection, std::span<const core::Effects* const> batch) {
  std::int64_t stored = 0;
  for (const core::Effects* effects : batch) {
    RETURN_IF_ERROR(CheckShape(*effects));
    if (effects->chunks.empty()) continue;
    if (stored == 0) stored = LockDimensions(connection, DimensionsOf(*effects));
    if (stored != static_cast<std::int64_t>(DimensionsOf(*effects))) {
      return Invalid(*effects,
                     fmt::format("vectors have {} dimensions, the stored ones {}", DimensionsOf(*effects), stored));
    }
  }
  return {};
}

std::set<core::DocumentId> LockDocuments(Connection& connection, std::span<const core::DocumentId> ids) {
  std::set<core::DocumentId> living;
  InPieces(ids, [&](std::span<const core::DocumentId> piece) {
    Rows rows(connection, fmt::format("SELECT id FROM documents FORCE INDEX(PRIMARY) WHERE id IN {} ORDER BY id "
                                      "LOCK IN SHARE MODE",
                                      ListOf(piece)));
    while (rows.Next()) living.insert(rows.Int(0));
  });
  return living;
}

base::Result<std::vector<std::int32_t>> AppendChunks(Connection& connection, const StateRows& states,
                                                     std::span<const core::Effects* const> batch) {
  std::vector<DocumentVersion> versions;
  for (const core::Effects* effects : batch) versions.emplace_back(effects->id, effects->version);
  const auto staged = CountStaged(connection, states, versions);
  RowInsert insert(connection,
                   "INSERT INTO embeddings(document_id, version, chunk_index, redis_key, char_start, char_end, "
                   "chunk_text, vector) VALUES");
  std::vector<std::int32_t> counts;
  for (const core::Effects* effects : batch) {
    const auto found = staged.find({effects->id, effects->version});
    std::int32_t count = found == staged.end() ? 0 : found->second;
    if (!effects->chunks.empty() && (effects->chunks.front().index < 0 || effects->chunks.front().index > count)) {
      return Invalid(*effects, fmt::format("chunks before {} are missing", effects->chunks.front().index)).error();
    }
    for (std::size_t i = 0; i < effects->chunks.size(); ++i) {
      const core::ChunkDraft& chunk = effects->chunks[i];
      if (chunk.index < count) continue;
      const std::size_t dimensions = DimensionsOf(*effects);
      insert.Add(effects->id, effects->version, chunk.index, fmt::format("emb:doc{}:chunk{}", effects->id, chunk.index),
                 chunk.char_start, chunk.char_end, chunk.text,
                 Blob{Bytes(std::span(effects->vectors).subspan(i * dimensions, dimensions))});
      ++count;
    }
    counts.push_back(count);
  }
  insert.Flush();
  return counts;
}

void RemoveChunks(Connection& connection, std::span<const DocumentVersion> versions) {
  InPieces(versions, [&](std::span<const DocumentVersion> piece) {
    connection.Execute("DELETE FROM embeddings WHERE " + AnyOf(piece));
  });
}

void RetireOlder(Connection& connection, std::span<const DocumentVersion> versions, core::Timestamp now) {
  std::vector<DocumentVersion> newer;
  for (const DocumentVersion& version : versions) {
    if (version.second > 1) newer.push_back(version);
  }
  InPieces(std::span<const DocumentVersion>(newer), [&](std::span<const DocumentVersion> piece) {
    std::string below;
    for (const auto& [id, version] : piece) {
      below += fmt::format("{}(v.document_id = {} AND v.version < {})", below.empty() ? "" : " OR ", id, version);
    }
    connection.Execute(
        fmt::format("INSERT INTO retired_versions(document_id, version, retired_at, was_indexed) "
                    "SELECT v.document_id, v.version, {}, v.version = s.indexed_version "
                    "FROM document_versions v JOIN document_state s ON s.document_id = v.document_id WHERE {} "
                    "ON DUPLICATE KEY UPDATE retired_at = retired_at",
                    now.time_since_epoch().count(), below));
  });
}

}  // namespace millrace::mysql
