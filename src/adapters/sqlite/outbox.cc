#include "adapters/sqlite/outbox.h"

#include <optional>
#include <string>
#include <utility>

#include "adapters/sql/dead_letter_rows.h"
#include "adapters/sql/outbox_rows.h"
#include "adapters/sqlite/document_rows.h"
#include "core/document_event.h"
#include "core/log.h"

namespace millrace::sqlite {
namespace {

/// Due, and the oldest unsent one of its document and topic. Nothing is held back for longer than ?2: a row that seems
/// to be was written before the clock was set back.
constexpr std::string_view kClaimable = R"sql(
    SELECT id, topic, document_id, version, created_at, is_record, key, headers, value FROM outbox AS row
    WHERE due_at NOT BETWEEN ?1 + 1 AND ?2
      AND (document_id = 0
           OR NOT EXISTS (SELECT 1 FROM outbox AS older
                          WHERE older.document_id = row.document_id AND older.topic = row.topic AND older.id < row.id))
    ORDER BY id)sql";

std::string ReadContent(Connection& connection, core::DocumentId id, core::Version version) {
  Statement select(connection,
                   "SELECT data FROM document_contents WHERE document_id = ?1 AND version = ?2 ORDER BY part");
  select.Bind(id, version);
  std::string content;
  while (select.Step()) content += select.View(0);
  return content;
}

std::vector<core::OutboxRow> FindClaimable(Connection& connection, std::size_t limit,
                                           const std::map<std::int64_t, base::Deadline>& leases) {
  const core::Timestamp now = core::Now();
  std::vector<core::OutboxRow> found;
  Statement select(connection, kClaimable);
  select.Bind(now, now + core::kSyncUploadDelay);
  while (found.size() < limit && select.Step()) {
    if (leases.contains(select.Int(0))) continue;
    found.push_back(sql::ReadOutboxRow(select));
  }
  return found;
}

/// Fills in what the relay builds the message from; false when the version needs no message any more.
bool CompleteUpload(Connection& connection, core::OutboxRow& row, std::size_t max_inline_bytes) {
  const auto state = FindState(connection, row.document_id);
  if (!state || !state->IsOpen(row.version)) return false;
  const auto version = FindVersion(connection, row.document_id, row.version);
  if (!version) return false;
  row.title = version->title;
  row.content_bytes = version->content_bytes;
  row.content_hash = version->content_hash;
  if (version->content_bytes <= static_cast<std::int64_t>(max_inline_bytes)) {
    row.content = ReadContent(connection, row.document_id, row.version);
  }
  return true;
}

}  // namespace

base::Result<std::vector<core::OutboxRow>> OutboxRows::Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                             std::chrono::milliseconds lease) {
  std::lock_guard lock(mutex_);
  std::erase_if(leases_, [](const auto& one) { return one.second.expired(); });
  using Rows = base::Result<std::vector<core::OutboxRow>>;
  Rows claimed = engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> Rows {
    std::vector<core::OutboxRow> rows = FindClaimable(connection, limit, leases_);
    std::erase_if(rows, [&](core::OutboxRow& row) {
      if (row.record || CompleteUpload(connection, row, max_inline_bytes)) return false;
      connection.Run("DELETE FROM outbox WHERE id = ?1", row.id);
      return true;
    });
    return rows;
  });
  if (!claimed) return claimed;
  for (const core::OutboxRow& row : *claimed) leases_.insert_or_assign(row.id, base::Deadline::After(lease));
  return claimed;
}

base::Status OutboxRows::MarkSent(std::span<const core::Sent> sent) {
  if (sent.empty()) return {};
  RETURN_IF_ERROR(engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    for (const core::Sent& one : sent) {
      Statement select(connection, R"sql(
          SELECT s.document_id, s.version, o.dead_letter FROM outbox o
               LEFT JOIN document_state s ON s.document_id = o.document_id AND s.version = o.version
                    AND s.status <> 'deleted' AND o.topic = ?2 AND NOT o.is_record
          WHERE o.id = ?1)sql");
      if (!select.Bind(one.row, core::kUploadsTopic).Step()) continue;
      if (!select.IsNull(0)) {
        const core::Timestamp now = core::Now();
        StorePosition(connection, select.Int(0), select.Int(1), one.position, now);
        connection.Run("UPDATE document_state SET progress_at = ?2 WHERE document_id = ?1", select.Int(0), now);
      }
      if (!select.IsNull(2)) sql::StoreCopyPosition(connection, select.Int(2), one.position);
      connection.Run("DELETE FROM outbox WHERE id = ?1", one.row);
    }
    return {};
  }));
  std::lock_guard lock(mutex_);
  for (const core::Sent& one : sent) leases_.erase(one.row);
  return {};
}

base::Status OutboxRows::Release(std::span<const std::int64_t> rows) {
  std::lock_guard lock(mutex_);
  for (const std::int64_t row : rows) leases_.erase(row);
  return {};
}

base::Status OutboxRows::Requeue(core::DocumentId id, core::Version version) {
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    const auto state = FindState(connection, id);
    const bool needed = state && version == state->version && !state->settled();
    const bool queued = connection
                            .Int("SELECT 1 FROM outbox WHERE document_id = ?1 AND topic = ?2 AND version = ?3", id,
                                 core::kUploadsTopic, version)
                            .has_value();
    if (needed && !queued) AddUpload(connection, id, version, core::Now());
    return {};
  });
}

base::Result<core::OutboxBacklog> OutboxRows::Backlog() {
  return engine_.readers->Read([](Connection& connection) -> base::Result<core::OutboxBacklog> {
    Statement select(connection, sql::kSelectBacklog);
    select.Step();
    return core::OutboxBacklog{select.Int(0), select.OptionalTime(1)};
  });
}

}  // namespace millrace::sqlite
