#include "adapters/mysql/documents.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "adapters/mysql/accept.h"
#include "adapters/mysql/dead_letter_rows.h"
#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/idempotency.h"
#include "adapters/mysql/rows.h"
#include "adapters/sql/document_rows.h"

namespace millrace::mysql {
namespace {

base::Error NotFound(core::DocumentId id) {
  return {base::Code::kNotFound, fmt::format("there is no document {}", id), {}};
}

bool HasRow(Connection& connection, core::DocumentId id) {
  return connection.Int("SELECT id FROM documents WHERE id = ?", id).has_value();
}

/// Also of a row that another program added and nobody has processed: it gets a state to leave a tombstone in.
base::Status DeleteOne(Connection& connection, core::DocumentId id, core::Timestamp now) {
  StateRows states = LockStates(connection, {id});
  if (states.empty()) {
    if (!HasRow(connection, id)) return NotFound(id);
    states = LockOrMakeStates(connection, {id}, now);
  }
  StateRow& state = states.at(id);
  if (state.deleted() || (state.version == 0 && !HasRow(connection, id))) return NotFound(id);
  RemoveDocument(connection, state, now);
  return {};
}

/// Accepts what no earlier run of its request has accepted.
base::Result<std::vector<core::Accepted>> AcceptOnce(Connection& connection,
                                                     std::span<const core::NewDocument> documents,
                                                     core::Timestamp now) {
  ASSIGN_OR_RETURN(const AcceptedParts before, FindAccepted(connection, documents));
  if (before.empty()) {
    auto accepted = AcceptAll(connection, documents, now);
    NoteAccepted(connection, documents, accepted);
    return accepted;
  }
  std::vector<core::Accepted> answers(documents.size());
  std::vector<core::NewDocument> rest;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const auto& part = documents[i].part;
    const auto found = part ? before.find({part->request, part->line}) : before.end();
    if (found != before.end()) {
      answers[i] = found->second;
    } else {
      rest.push_back(documents[i]);
      places.push_back(i);
    }
  }
  const auto accepted = AcceptAll(connection, rest, now);
  NoteAccepted(connection, rest, accepted);
  for (std::size_t i = 0; i < rest.size(); ++i) answers[places[i]] = accepted[i];
  return answers;
}

/// Tombstones have no `documents` row: they show when they were deleted. Rows of another program have no state.
constexpr std::string_view kRecordColumns = R"sql(
    SELECT coalesce(d.id, s.document_id), d.doc_key, coalesce(v.title, d.title), v.metadata, v.strategy, v.max_tokens,
           v.overlap_tokens,
           CASE WHEN s.version > 0 THEN v.content_bytes
                ELSE (SELECT length(o.content) FROM documents o WHERE o.id = d.id) END,
           coalesce(s.status, 'queued'), s.version, s.indexed_version, s.revision, s.chunk_count, s.attempts,
           CASE WHEN d.id IS NULL THEN s.deleted_at ELSE coalesce(s.created_at, 1000 * unix_timestamp(d.created_at)) END,
           CASE WHEN d.id IS NULL THEN s.deleted_at ELSE coalesce(s.received_at, 1000 * unix_timestamp(d.updated_at)) END,
           s.received_at, s.chunked_at, s.embedded_at, s.stored_at, s.error_code, s.error_message, s.error_stage,
           s.warning, s.position_topic, s.position_partition, s.position_offset, s.position_version = s.version,
           s.next_attempt_at
    FROM )sql";
constexpr std::string_view kFromDocuments = "documents d LEFT JOIN document_state s ON s.document_id = d.id";
constexpr std::string_view kFromStates = "document_state s LEFT JOIN documents d ON d.id = s.document_id";
constexpr std::string_view kWithVersions =
    " LEFT JOIN document_versions v ON v.document_id = s.document_id AND v.version = s.version WHERE ";

std::string SelectRecords(std::string_view from, std::string_view condition) {
  return std::string(kRecordColumns).append(from).append(kWithVersions).append(condition);
}

void AppendRecords(Connection& connection, const std::string& sql, std::vector<core::DocumentRecord>& records) {
  Rows rows(connection, sql);
  while (rows.Next()) records.push_back(sql::ReadRecord(rows));
}

/// Of `text` as it is asked for in DocumentQuery; keys are bytes to the database.
std::string HasText(const std::string& text) {
  const std::string wanted = fmt::format("LOWER(CONVERT({} USING utf8mb4)) COLLATE utf8mb4_bin", HexLiteral(text));
  return fmt::format(
      " AND (LOCATE({0}, LOWER(d.title)) > 0 OR LOCATE({0}, LOWER(CONVERT(d.doc_key USING utf8mb4))) > 0)", wanted);
}

std::vector<core::DocumentRecord> ListRecords(Connection& connection, const core::DocumentQuery& query) {
  const core::DocumentId before = query.before.value_or(std::numeric_limits<core::DocumentId>::max());
  const auto newest_first = [&](std::string_view id) {
    return fmt::format("{} AND {} < {} ORDER BY {} DESC LIMIT {}", query.text ? HasText(*query.text) : "", id, before,
                       id, query.limit);
  };
  const std::string status(query.status ? core::StatusName(*query.status) : "");
  std::vector<core::DocumentRecord> records;
  if (query.key) {
    const std::string wanted = query.status ? fmt::format(" AND coalesce(s.status, 'queued') = '{}'", status) : "";
    AppendRecords(
        connection,
        SelectRecords(kFromDocuments, "d.doc_key = " + HexLiteral(*query.key) + wanted + newest_first("d.id")),
        records);
    return records;
  }
  if (!query.status) {
    AppendRecords(connection, SelectRecords(kFromDocuments, "TRUE" + newest_first("d.id")), records);
    return records;
  }
  AppendRecords(
      connection,
      SelectRecords(kFromStates, fmt::format("s.status = '{}' AND (d.id IS NOT NULL OR s.status = 'deleted')", status) +
                                     newest_first("s.document_id")),
      records);
  if (*query.status == core::DocumentStatus::kQueued) {
    AppendRecords(connection, SelectRecords(kFromDocuments, "s.document_id IS NULL" + newest_first("d.id")), records);
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
    if (records.size() > query.limit) records.resize(query.limit);
  }
  return records;
}

}  // namespace

void RemoveDocument(Connection& connection, StateRow& state, core::Timestamp now) {
  const core::DocumentId id = state.id;
  for (const char* table : {"embeddings", "document_versions", "document_contents", "retired_versions"}) {
    connection.Run(fmt::format("DELETE FROM {} WHERE document_id = ?", table), id);
  }
  connection.Run("DELETE FROM documents WHERE id = ?", id);
  std::vector<std::int64_t> owed;
  Rows rows(connection,
            fmt::format("SELECT id FROM outbox WHERE document_id = {} AND topic <> '{}'", id, core::kEventsTopic));
  while (rows.Next()) owed.push_back(rows.Int(0));
  RemoveOutboxRows(connection, std::move(owed));
  std::vector<core::DeadLetterId> letters;
  Rows listed(connection, fmt::format("SELECT id FROM dead_letters WHERE document_id = {}", id));
  while (listed.Next()) letters.push_back(listed.Int(0));
  RemoveDeadLetters(connection, std::move(letters));
  ForgetAnswers(connection, id);

  state.version = state.deleted_version = std::max<core::Version>(state.version, 1);
  state.status = core::DocumentStatus::kDeleted;
  state.deleted_at = state.progress_at = now;
  state.indexed_version = 0;
  state.revision += 1;
  state.chunk_count = 0;
  state.staged = false;
  state.created_at.reset();
  state.next_attempt_at.reset();
  state.mark = {};
  state.error.reset();
  state.warning.reset();
  DocumentWriter writer(connection);
  writer.Save(state);
  writer.AddEvent({id, state.version, state.revision, core::DocumentStatus::kDeleted, 0, now, {}, {}});
  writer.Flush();
}

Documents::Documents(Engine& engine)
    : engine_(engine), groups_([&engine](std::span<const core::NewDocument> documents, base::Deadline deadline) {
        return engine.Write(deadline,
                            [&](Connection& connection) { return AcceptOnce(connection, documents, core::Now()); });
      }) {}

base::Result<std::vector<core::Accepted>> Documents::Accept(std::span<const core::NewDocument> documents,
                                                            base::Deadline deadline) {
  if (documents.empty()) return std::vector<core::Accepted>();
  return groups_.Accept(documents, deadline);
}

base::Status Documents::Delete(core::DocumentId id, base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) { return DeleteOne(connection, id, core::Now()); });
}

base::Result<core::DocumentRecord> Documents::Get(core::DocumentId id) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<core::DocumentRecord> {
    Rows rows(connection, SelectRecords(kFromDocuments, fmt::format("d.id = {}", id)));
    if (rows.Next()) return sql::ReadRecord(rows);
    return NotFound(id);
  });
}

base::Result<std::vector<core::DocumentRecord>> Documents::List(const core::DocumentQuery& query) {
  return engine_.Read([&](Connection& connection) -> base::Result<std::vector<core::DocumentRecord>> {
    return ListRecords(connection, query);
  });
}

base::Result<std::vector<core::KeptVersion>> Documents::ListVersions(core::DocumentId id, core::Version before,
                                                                     std::size_t limit) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::KeptVersion>> {
    Rows rows(connection, fmt::format(sql::kSelectKeptVersions, id, before, limit));
    std::vector<core::KeptVersion> versions;
    while (rows.Next()) versions.push_back(sql::ReadKeptVersion(rows, id));
    return versions;
  });
}

base::Result<core::StoreCounts> Documents::Counts() {
  return engine_.ReadOne([](Connection& connection) -> base::Result<core::StoreCounts> {
    Rows rows(connection, R"sql(
        SELECT status, count(*), sum(chunk_count) FROM document_state GROUP BY status
        UNION ALL SELECT NULL, count(*), 0 FROM documents)sql");
    core::StoreCounts counts;
    std::int64_t documents = 0, living = 0;
    while (rows.Next()) {
      if (rows.IsNull(0)) {
        documents = rows.Int(1);
        continue;
      }
      const auto status = core::ParseStatus(rows.View(0));
      if (!status) continue;
      counts.documents_by_status.at(static_cast<std::size_t>(*status)) = rows.Int(1);
      if (*status != core::DocumentStatus::kDeleted) living += rows.Int(1);
      counts.chunks += rows.Int(2);
    }
    auto& queued = counts.documents_by_status.at(static_cast<std::size_t>(core::DocumentStatus::kQueued));
    queued += std::max<std::int64_t>(documents - living, 0);  // rows of another program
    return counts;
  });
}

}  // namespace millrace::mysql
