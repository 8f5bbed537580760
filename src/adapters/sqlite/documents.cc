#include "adapters/sqlite/documents.h"

#include <fmt/core.h>

#include <chrono>
#include <limits>
#include <string>
#include <utility>

#include "adapters/sql/document_rows.h"
#include "adapters/sqlite/document_rows.h"
#include "adapters/sqlite/idempotency.h"
#include "core/outbox.h"

namespace millrace::sqlite {
namespace {

core::Accepted AcceptOne(Connection& connection, const core::NewDocument& document, core::Timestamp now) {
  const auto draft = core::VersionDraft::Of(document);
  core::Accepted accepted;
  std::optional<StateRow> before;
  if (document.key) {
    if (const auto id = connection.Int("SELECT id FROM documents WHERE key = ?1", *document.key)) {
      accepted = {*id, 0, core::AcceptKind::kUpdated};
      before = FindState(connection, *id);
    }
  }
  if (before) {
    const auto newest = FindVersion(connection, accepted.id, before->version);
    if (newest && !before->failed() && newest->identity_hash == draft.IdentityHash()) {
      return {accepted.id, before->version, core::AcceptKind::kUnchanged};
    }
    connection.Run("UPDATE documents SET updated_at = ?2 WHERE id = ?1", accepted.id, now);
  } else {
    connection.Run("INSERT INTO documents(key, created_at, updated_at) VALUES (?1, ?2, ?2)", document.key, now);
    accepted.id = connection.last_insert_id();
    accepted.created_at = now;
  }
  accepted.version = AddVersion(connection, accepted.id, before, draft, now);
  AddUpload(connection, accepted.id, accepted.version, now, core::UploadDelay(document));
  return accepted;
}

base::Result<core::Accepted> AcceptOnce(Connection& connection, const core::NewDocument& document,
                                        core::Timestamp now) {
  if (!document.part) return AcceptOne(connection, document, now);
  ASSIGN_OR_RETURN(const auto before, FindAccepted(connection, *document.part));
  if (before) return *before;
  const core::Accepted accepted = AcceptOne(connection, document, now);
  NoteAccepted(connection, *document.part, accepted);
  return accepted;
}

base::Status DeleteOne(Connection& connection, core::DocumentId id, core::Timestamp now) {
  const std::optional<StateRow> state = FindState(connection, id);
  if (!state || state->deleted()) return {base::Code::kNotFound, fmt::format("there is no document {}", id)};
  for (const char* sql :
       {"DELETE FROM documents WHERE id = ?1", "DELETE FROM document_versions WHERE document_id = ?1",
        "DELETE FROM document_contents WHERE document_id = ?1", "DELETE FROM chunks WHERE document_id = ?1",
        "DELETE FROM vectors WHERE document_id = ?1", "DELETE FROM retired_versions WHERE document_id = ?1",
        "DELETE FROM outbox WHERE document_id = ?1 AND topic <> 'document-events'",
        "DELETE FROM dead_letters WHERE document_id = ?1"}) {
    connection.Run(sql, id);
  }
  connection.Run(R"sql(
      UPDATE document_state SET status = 'deleted', deleted_version = version, deleted_at = ?2, progress_at = ?2,
        indexed_version = 0, revision = revision + 1, chunk_count = 0, error_code = NULL, error_message = NULL,
        error_stage = NULL, warning = NULL, next_attempt_at = NULL, worker = NULL, alone = 0, crashes = 0 WHERE document_id = ?1)sql",
                 id, now);
  ForgetAnswers(connection, id);
  AddEvent(connection, {id, state->version, state->revision + 1, core::DocumentStatus::kDeleted, 0, now, {}, {}});
  return {};
}

/// Tombstones have no `documents` row: they show when they were deleted.
constexpr std::string_view kSelectRecords = R"sql(
    SELECT s.document_id, d.key, v.title, v.metadata, v.strategy, v.max_tokens, v.overlap_tokens, v.content_bytes,
           s.status, s.version, s.indexed_version, s.revision, s.chunk_count, s.attempts,
           coalesce(d.created_at, s.deleted_at), coalesce(d.updated_at, s.deleted_at),
           s.received_at, s.chunked_at, s.embedded_at, s.stored_at, s.error_code, s.error_message, s.error_stage, s.warning,
           s.position_topic, s.position_partition, s.position_offset, s.position_version = s.version, s.next_attempt_at
    FROM document_state s LEFT JOIN documents d ON d.id = s.document_id
         LEFT JOIN document_versions v ON v.document_id = s.document_id AND v.version = s.version)sql";

}  // namespace

base::Result<std::vector<core::Accepted>> Documents::Accept(std::span<const core::NewDocument> documents,
                                                            base::Deadline deadline) {
  if (documents.empty()) return std::vector<core::Accepted>();
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<std::vector<core::Accepted>> {
    const core::Timestamp now = core::Now();
    std::vector<core::Accepted> accepted;
    accepted.reserve(documents.size());
    for (const core::NewDocument& document : documents) {
      ASSIGN_OR_RETURN(accepted.emplace_back(), AcceptOnce(connection, document, now));
    }
    return accepted;
  });
}

base::Status Documents::Delete(core::DocumentId id, base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) { return DeleteOne(connection, id, core::Now()); });
}

base::Result<core::DocumentRecord> Documents::Get(core::DocumentId id) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<core::DocumentRecord> {
    Statement select(connection, std::string(kSelectRecords) + " WHERE d.id = ?1");
    if (select.Bind(id).Step()) return sql::ReadRecord(select);
    return base::Error{base::Code::kNotFound, fmt::format("there is no document {}", id), {}};
  });
}

base::Result<std::vector<core::DocumentRecord>> Documents::List(const core::DocumentQuery& query) {
  std::string sql(kSelectRecords);
  sql += query.key      ? " WHERE d.key = ?2 AND (?1 IS NULL OR s.status = ?1)"
         : query.status ? " WHERE s.status = ?1 AND ?2 IS NULL"
                        : " WHERE d.id IS NOT NULL AND ?1 IS NULL AND ?2 IS NULL";
  sql += " AND (?5 IS NULL OR instr(lower(v.title), lower(?5)) > 0 OR instr(lower(d.key), lower(?5)) > 0)";
  sql += " AND s.document_id < ?3 ORDER BY s.document_id DESC LIMIT ?4";
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::DocumentRecord>> {
    std::optional<std::string_view> status;
    if (query.status) status = core::StatusName(*query.status);
    Statement select(connection, sql);
    select.Bind(status, query.key, query.before.value_or(std::numeric_limits<core::DocumentId>::max()), query.limit,
                query.text);
    std::vector<core::DocumentRecord> records;
    while (select.Step()) records.push_back(sql::ReadRecord(select));
    return records;
  });
}

base::Result<std::vector<core::KeptVersion>> Documents::ListVersions(core::DocumentId id, core::Version before,
                                                                     std::size_t limit) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::KeptVersion>> {
    Statement select(connection, fmt::format(sql::kSelectKeptVersions, "?1", "?2", "?3"));
    select.Bind(id, before, limit);
    std::vector<core::KeptVersion> versions;
    while (select.Step()) versions.push_back(sql::ReadKeptVersion(select, id));
    return versions;
  });
}

base::Result<core::StoreCounts> Documents::Counts() {
  return engine_.readers->Read([](Connection& connection) -> base::Result<core::StoreCounts> {
    Statement select(connection, "SELECT status, count(*), sum(chunk_count) FROM document_state GROUP BY status");
    core::StoreCounts counts;
    while (select.Step()) {
      const auto status = core::ParseStatus(select.View(0));
      if (status) counts.documents_by_status.at(static_cast<std::size_t>(*status)) = select.Int(1);
      counts.chunks += select.Int(2);
    }
    return counts;
  });
}

}  // namespace millrace::sqlite
