#include "adapters/sqlite/document_rows.h"

#include <fmt/core.h>

#include "core/log.h"
#include "core/record_headers.h"
#include "core/sha256.h"

namespace millrace::sqlite {

std::optional<StateRow> FindState(Connection& connection, core::DocumentId id) {
  Statement select(connection, R"sql(
      SELECT version, indexed_version, deleted_version, revision, status, attempts, deleted_at,
             position_topic, position_partition, position_offset, position_at, position_version, worker, alone, crashes,
             received_at, reindexed_version
      FROM document_state WHERE document_id = ?1)sql");
  if (!select.Bind(id).Step()) return std::nullopt;
  StateRow row;
  row.id = id;
  row.version = select.Int(0);
  row.indexed_version = select.Int(1);
  row.deleted_version = select.Int(2);
  row.revision = select.Int(3);
  row.status = core::ParseStatus(select.View(4)).value_or(core::DocumentStatus::kFailed);
  row.attempts = static_cast<int>(select.Int(5));
  row.deleted_at = select.OptionalTime(6);
  if (!select.IsNull(7)) row.position = sql::ReadPosition(select, 7);
  row.position_at = select.OptionalTime(10);
  row.position_version = select.Int(11);
  row.mark = {select.Text(12), select.Int(13) != 0, static_cast<int>(select.Int(14))};
  row.received_at = select.OptionalTime(15);
  row.reindexed_version = select.Int(16);
  return row;
}

std::optional<VersionRow> FindVersion(Connection& connection, core::DocumentId id, core::Version version) {
  Statement select(
      connection, "SELECT " MILLRACE_VERSION_COLUMNS " FROM document_versions WHERE document_id = ?1 AND version = ?2");
  if (!select.Bind(id, version).Step()) return std::nullopt;
  return sql::ReadVersion(select, 0);
}

core::Version AddVersion(Connection& connection, core::DocumentId id, const std::optional<StateRow>& before,
                         const VersionDraft& draft, core::Timestamp now) {
  const core::Version version = before ? before->version + 1 : 1;
  connection.Run(R"sql(
      INSERT INTO document_state(document_id, version, status, progress_at, received_at) VALUES (?1, ?2, 'queued', ?3, ?3)
      ON CONFLICT(document_id) DO UPDATE SET version = excluded.version, status = 'queued', attempts = 0,
        next_attempt_at = NULL, progress_at = excluded.progress_at, received_at = excluded.received_at, chunked_at = NULL,
        embedded_at = NULL, stored_at = NULL, error_code = NULL, error_message = NULL, error_stage = NULL,
        warning = NULL, worker = NULL, alone = 0, crashes = 0)sql",
                 id, version, now);
  connection.Run("INSERT INTO document_versions(document_id, version, " MILLRACE_VERSION_COLUMNS
                 ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                 id, version, draft.title, draft.metadata, core::StrategyName(draft.chunking.strategy),
                 draft.chunking.max_tokens, draft.chunking.overlap_tokens, draft.content.size(),
                 core::Sha256Hex(draft.content), draft.IdentityHash());
  sql::ForEachPart(draft.content, [&](int part, const std::string& sha256, std::string_view data) {
    connection.Run(
        "INSERT INTO document_contents(document_id, version, part, sha256, data) VALUES (?1, ?2, ?3, ?4, ?5)", id,
        version, part, sha256, Blob{data});
  });
  const core::Revision revision = before ? before->revision : 0;
  if (before && !before->settled()) {
    AddEvent(connection, {id, before->version, revision, core::DocumentStatus::kSuperseded, 0, now, {}, {}});
  }
  AddEvent(connection, {id, version, revision, core::DocumentStatus::kQueued, 0, now, {}, {}});
  return version;
}

void StorePosition(Connection& connection, core::DocumentId id, core::Version version, const core::Position& position,
                   core::Timestamp timestamp) {
  connection.Run(R"sql(
      UPDATE document_state SET position_topic = ?2, position_partition = ?3, position_offset = ?4,
        position_at = CASE WHEN ?6 = reindexed_version THEN coalesce(position_at, 0) ELSE ?5 END, position_version = ?6
      WHERE document_id = ?1)sql",
                 id, position.topic, position.partition, position.offset, timestamp, version);
}

void AddEvent(Connection& connection, const core::DocumentEvent& event) {
  connection.Run(R"sql(
      INSERT INTO outbox(topic, document_id, version, created_at, due_at, value) VALUES (?1, ?2, ?3, ?4, 0, ?5))sql",
                 core::kEventsTopic, event.document_id, event.version, event.at, core::FormatEvent(event));
}

void AddUpload(Connection& connection, core::DocumentId id, core::Version version, core::Timestamp now,
               std::chrono::seconds delay) {
  const core::Timestamp due = delay.count() == 0 ? core::Timestamp() : now + delay;
  connection.Run("INSERT INTO outbox(topic, document_id, version, created_at, due_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                 core::kUploadsTopic, id, version, now, due);
}

void AddRecord(Connection& connection, const core::LogRecord& record, core::DocumentId id, core::Version version,
               core::Timestamp now, core::DeadLetterId dead_letter) {
  const std::string headers = core::EncodeHeaders(record.headers);
  connection.Run(R"sql(
      INSERT INTO outbox(topic, document_id, version, created_at, due_at, is_record, key, headers, value, dead_letter)
      VALUES (?1, ?2, ?3, ?4, 0, 1, ?5, ?6, ?7, ?8))sql",
                 record.position.topic, id, version, now, AsBlob(record.key), Blob{headers}, AsBlob(record.value),
                 dead_letter > 0 ? std::optional(dead_letter) : std::nullopt);
}

void RemoveUploads(Connection& connection, core::DocumentId id, core::Version up_to) {
  connection.Run(R"sql(
      DELETE FROM outbox WHERE document_id = ?1 AND version BETWEEN 1 AND ?2 AND topic NOT IN (?3, ?4))sql",
                 id, up_to, core::kEventsTopic, core::kDeadLettersTopic);
}

std::int32_t CountStaged(Connection& connection, core::DocumentId id, core::Version version) {
  return static_cast<std::int32_t>(
      connection.Int("SELECT sum(count) FROM vectors WHERE document_id = ?1 AND version = ?2", id, version)
          .value_or(0));
}

void RemoveChunks(Connection& connection, core::DocumentId id, core::Version version) {
  connection.Run("DELETE FROM chunks WHERE document_id = ?1 AND version = ?2", id, version);
  connection.Run("DELETE FROM vectors WHERE document_id = ?1 AND version = ?2", id, version);
}

}  // namespace millrace::sqlite
