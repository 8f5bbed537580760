#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/sql/position.h"
#include "base/result.h"
#include "base/utf8.h"
#include "core/document.h"
#include "core/document_store.h"
#include "core/metadata.h"
#include "core/sha256.h"
#include "core/store_admin.h"

/// What both databases say alike of documents: statements that are the same to the letter, and what their rows hold.
/// A statement's `{}` are filled by the adapter, with a parameter (SQLite) or a number (MySQL). `Row` is the adapter's;
/// a damaged one throws its Row::Failure. Columns count from 0.
namespace millrace::sql {

/// From its JSON.
template <typename Row>
core::Metadata ReadMetadata(const Row& row, int column, core::DocumentId id) {
  auto metadata = core::ParseMetadata(row.View(column));
  if (!metadata) {
    using Failure = typename Row::Failure;
    throw Failure({base::Code::kCorrupt, fmt::format("the metadata of document {} is damaged", id), {}});
  }
  return *std::move(metadata);
}

/// From three columns: strategy, max_tokens, overlap_tokens.
template <typename Row>
core::Chunking ReadChunking(const Row& row, int first) {
  return {core::ParseStrategy(row.View(first)).value_or(core::ChunkStrategy::kPassage),
          static_cast<int>(row.Int(first + 1)), static_cast<int>(row.Int(first + 2))};
}

struct VersionRow {
  std::string title, metadata;
  core::Chunking chunking;
  std::int64_t content_bytes = 0;
  std::string content_hash, identity_hash;
};

/// Of `document_versions`, in the order of ReadVersion and of what a new row is given.
#define MILLRACE_VERSION_COLUMNS \
  "title, metadata, strategy, max_tokens, overlap_tokens, content_bytes, content_hash, identity_hash"

/// Makes the versions whose condition follows ones of the next number, too.
constexpr std::string_view kCopyVersion =
    "INSERT INTO document_versions(document_id, version, " MILLRACE_VERSION_COLUMNS
    ") SELECT document_id, version + 1, " MILLRACE_VERSION_COLUMNS " FROM document_versions WHERE ";

template <typename Row>
VersionRow ReadVersion(const Row& row, int first) {
  VersionRow version;
  version.title = row.Text(first);
  version.metadata = row.Text(first + 1);
  version.chunking = ReadChunking(row, first + 2);
  version.content_bytes = row.Int(first + 5);
  version.content_hash = row.Text(first + 6);
  version.identity_hash = row.Text(first + 7);
  return version;
}

/// The document, its version before and a limit.
constexpr std::string_view kSelectKeptVersions = R"sql(
    SELECT v.version, v.title, v.metadata, v.strategy, v.max_tokens, v.overlap_tokens, v.content_bytes,
           v.version = s.indexed_version, r.retired_at
    FROM document_versions v JOIN document_state s ON s.document_id = v.document_id
         LEFT JOIN retired_versions r ON r.document_id = v.document_id AND r.version = v.version
    WHERE v.document_id = {} AND v.version < {} ORDER BY v.version DESC LIMIT {})sql";

template <typename Row>
core::KeptVersion ReadKeptVersion(const Row& row, core::DocumentId id) {
  return {row.Int(0), row.Text(1),     ReadMetadata(row, 2, id), ReadChunking(row, 3),
          row.Int(6), row.Int(7) != 0, row.OptionalTime(8)};
}

/// The columns, in this order: id, key, title, metadata, its three of chunking, content_bytes, status, version,
/// indexed_version, revision, chunk_count, attempts, created_at, updated_at, four steps, error's code, message and
/// stage, warning, position's topic, partition and offset, whether that is of `version`, next_attempt_at.
template <typename Row>
core::DocumentRecord ReadRecord(const Row& row) {
  core::DocumentRecord record;
  record.id = row.Int(0);
  record.key = row.OptionalText(1);
  record.title = row.Text(2);
  if (!row.IsNull(3)) {
    record.metadata = ReadMetadata(row, 3, record.id);
    record.chunking = ReadChunking(row, 4);
  }
  record.content_bytes = row.Int(7);
  record.status = core::ParseStatus(row.View(8)).value_or(core::DocumentStatus::kFailed);
  record.version = row.Int(9);
  record.indexed_version = row.Int(10);
  record.revision = row.Int(11);
  record.chunk_count = row.Int(12);
  record.attempts = static_cast<int>(row.Int(13));
  record.created_at = row.Time(14);
  record.updated_at = row.Time(15);
  record.steps = {row.OptionalTime(16), row.OptionalTime(17), row.OptionalTime(18), row.OptionalTime(19)};
  if (!row.IsNull(20)) record.error = {row.Text(20), row.Text(21), row.Text(22)};
  record.warning = row.OptionalText(23);
  if (row.Int(27) == 1) record.position = ReadPosition(row, 24);
  record.next_attempt_at = row.OptionalTime(28);
  return record;
}

/// The columns, in this order: id, document_id, version, index, text, first and last character, and of the document
/// title, key and metadata.
template <typename Row>
core::StoredChunk ReadChunk(const Row& row) {
  core::StoredChunk chunk;
  chunk.id = row.Int(0);
  chunk.document_id = row.Int(1);
  chunk.version = row.Int(2);
  chunk.chunk = {static_cast<std::int32_t>(row.Int(3)), row.Text(4), row.Int(5), row.Int(6)};
  chunk.document_title = row.Text(7);
  chunk.document_key = row.OptionalText(8);
  chunk.document_metadata = ReadMetadata(row, 9, chunk.document_id);
  return chunk;
}

/// Calls `add(part, sha256, data)` for each part of a content; an empty one has one empty part.
template <typename Add>
void ForEachPart(std::string_view content, Add add) {
  for (int part = 0; part == 0 || !content.empty(); ++part) {
    std::size_t size = std::min(content.size(), core::ContentStore::kContentPartBytes);
    if (size < content.size()) size = base::FloorToCodePoint(content, size);
    const std::string_view data = content.substr(0, size);
    add(part, core::Sha256Hex(data), data);
    content.remove_prefix(size);
  }
}

/// The document, the version and the part.
constexpr std::string_view kSelectPart =
    "SELECT data, sha256 FROM document_contents WHERE document_id = {} AND version = {} AND part = {}";

/// `row`: none where there is no such part.
template <typename Row>
base::Result<std::string> ReadPart(const Row* row, core::DocumentId id, core::Version version, std::int32_t part) {
  if (row == nullptr) {
    return base::Error{
        base::Code::kNotFound, fmt::format("there is no part {} of version {} of document {}", part, version, id), {}};
  }
  if (core::Sha256Hex(row->View(0)) != row->View(1)) {
    return base::Error{
        base::Code::kCorrupt, fmt::format("part {} of version {} of document {} is damaged", part, version, id), {}};
  }
  return row->Text(0);
}

/// Removes what a version that was overtaken says; its chunks went before. How many parts of its content went.
template <typename Connection>
std::int64_t RemoveRetired(Connection& connection, core::DocumentId id, core::Version version) {
  const std::int64_t parts =
      connection.Run("DELETE FROM document_contents WHERE document_id = ? AND version = ?", id, version);
  connection.Run("DELETE FROM document_versions WHERE document_id = ? AND version = ?", id, version);
  connection.Run("DELETE FROM retired_versions WHERE document_id = ? AND version = ?", id, version);
  return parts;
}

/// Versions that wait or run without progress, though the outbox owes the log nothing of them but events. Parameters:
/// the document to go on after; the two times between which progress counts; when a retry is overdue; the events'
/// topic; a limit.
constexpr std::string_view kSelectStalled = R"sql(
    SELECT document_id, version, position_topic, position_partition, position_offset, position_version = version,
           status = 'retrying'
    FROM document_state AS s
    WHERE status IN ('queued', 'processing', 'retrying') AND document_id > ? AND version > 0
      AND progress_at NOT BETWEEN ? AND ? AND (status <> 'retrying' OR next_attempt_at < ?)
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.document_id = s.document_id AND o.topic <> ?)
    ORDER BY document_id LIMIT ?)sql";

template <typename Row>
core::Stalled ReadStalled(const Row& row) {
  core::Stalled stalled{row.Int(0), row.Int(1), {}, row.Int(6) != 0};
  if (row.Int(5) == 1) stalled.position = ReadPosition(row, 2);
  return stalled;
}

template <typename Connection>
void NoteChunksRemoved(Connection& connection, core::DocumentId id, core::Version version) {
  connection.Run("UPDATE retired_versions SET chunks_removed = 1 WHERE document_id = ? AND version = ?", id, version);
}

}  // namespace millrace::sql
