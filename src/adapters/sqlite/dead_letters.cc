#include "adapters/sqlite/dead_letters.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <limits>
#include <optional>
#include <string>

#include "adapters/sqlite/document_rows.h"
#include "adapters/sqlite/log_rows.h"
#include "core/record_headers.h"

namespace millrace::sqlite {
namespace {

base::Error NotFound(core::DeadLetterId id) {
  return {base::Code::kNotFound, fmt::format("there is no dead letter {}", id), {}};
}

/// Names only columns that are asked for, so that their indexes are used.
std::string ConditionOf(const core::DeadLetterQuery& query) {
  std::string condition = " WHERE id < ?7";
  if (!query.ids.empty()) condition += " AND id IN (SELECT value FROM json_each(?6))";
  if (query.code) condition += " AND error_code = ?1";
  if (query.stage) condition += " AND error_stage = ?2";
  if (query.document_id) condition += " AND document_id = ?3";
  if (query.since) condition += " AND failed_at >= ?4";
  if (query.until) condition += " AND failed_at < ?5";
  if (query.redriven) condition += *query.redriven ? " AND redriven_at IS NOT NULL" : " AND redriven_at IS NULL";
  return condition;
}

constexpr core::DeadLetterId kAnyId = std::numeric_limits<core::DeadLetterId>::max();

std::string IdsOf(const core::DeadLetterQuery& query) { return fmt::format("[{}]", fmt::join(query.ids, ",")); }

constexpr std::string_view kSelectLetters = R"sql(
    SELECT id, original_topic, original_partition, original_offset, original_at, document_id, version, attempts,
           error_code, error_message, error_stage, failed_at, redrives, redriven_at, position_topic, position_partition,
           position_offset, value_bytes
    FROM dead_letters)sql";

core::DeadLetter ReadLetter(const Statement& row) {
  core::DeadLetter letter;
  letter.id = row.Int(0);
  letter.original = {row.Text(1), static_cast<std::int32_t>(row.Int(2)), row.Int(3)};
  letter.original_timestamp = row.Time(4);
  letter.document_id = row.Int(5);
  letter.version = row.Int(6);
  letter.attempts = static_cast<int>(row.Int(7));
  letter.error = {row.Text(8), row.Text(9), row.Text(10)};
  letter.failed_at = row.Time(11);
  letter.redrives = static_cast<int>(row.Int(12));
  letter.redriven_at = row.OptionalTime(13);
  if (!row.IsNull(14)) letter.position = {row.Text(14), static_cast<std::int32_t>(row.Int(15)), row.Int(16)};
  letter.value_bytes = row.Int(17);
  return letter;
}

/// That a dead letter's document may take its version up again; brings it back to `queued`.
base::Status Requeue(Connection& connection, core::DocumentId id, core::Version version, core::Timestamp now) {
  const auto state = FindState(connection, id);
  const auto refuse = [&](std::string_view why) {
    return base::Error{base::Code::kConflict, fmt::format("document {} {}", id, why), {}};
  };
  if (state && state->deleted()) return refuse("is deleted");
  if (version == 0) return {};
  if (!state || version <= state->deleted_version) return refuse("was deleted since");
  if (version < state->version) return refuse("has a newer version");
  if (version <= state->indexed_version) return refuse("is indexed");
  connection.Run(R"sql(
      UPDATE document_state SET status = 'queued', attempts = 0, next_attempt_at = NULL, progress_at = ?2,
        error_code = NULL, error_message = NULL, error_stage = NULL, worker = NULL, alone = 0, crashes = 0
      WHERE document_id = ?1)sql",
                 id, now);
  AddEvent(connection, {id, version, state->revision, core::DocumentStatus::kQueued, 0, now, {}, {}});
  return {};
}

base::Status RedriveOne(Connection& connection, core::DeadLetterId id, const core::LogRecord& record,
                        core::Timestamp now) {
  Statement select(connection, "SELECT document_id, version, redriven_at FROM dead_letters WHERE id = ?1");
  if (!select.Bind(id).Step()) return NotFound(id);
  if (!select.IsNull(2)) {
    return {base::Code::kConflict, fmt::format("dead letter {} is under way already", id)};
  }
  RETURN_IF_ERROR(Requeue(connection, select.Int(0), select.Int(1), now));
  AddRecord(connection, record, select.Int(0), select.Int(1), now, 0);
  connection.Run("UPDATE dead_letters SET redrives = redrives + 1, redriven_at = ?2 WHERE id = ?1", id, now);
  return {};
}

}  // namespace

base::Result<std::vector<core::DeadLetter>> DeadLetterList::List(const core::DeadLetterQuery& query) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::DeadLetter>> {
    Statement select(connection, std::string(kSelectLetters) + ConditionOf(query) + " ORDER BY id DESC LIMIT ?8");
    select.Bind(query.code, query.stage, query.document_id, query.since, query.until, IdsOf(query),
                query.before.value_or(kAnyId), query.limit);
    std::vector<core::DeadLetter> letters;
    while (select.Step()) letters.push_back(ReadLetter(select));
    return letters;
  });
}

base::Result<std::int64_t> DeadLetterList::Count(const core::DeadLetterQuery& query) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::int64_t> {
    Statement count(connection, "SELECT count(*) FROM dead_letters" + ConditionOf(query));
    count.Bind(query.code, query.stage, query.document_id, query.since, query.until, IdsOf(query), kAnyId);
    count.Step();
    return count.Int(0);
  });
}

base::Result<std::vector<core::DeadLetterReason>> DeadLetterList::Reasons() {
  return engine_.readers->Read([](Connection& connection) -> base::Result<std::vector<core::DeadLetterReason>> {
    Statement select(connection, R"sql(
        SELECT error_code, error_stage, count(*), max(failed_at) FROM dead_letters GROUP BY error_code, error_stage
        ORDER BY 3 DESC, 4 DESC, 1, 2)sql");
    std::vector<core::DeadLetterReason> reasons;
    while (select.Step()) reasons.push_back({select.Text(0), select.Text(1), select.Int(2), select.Time(3)});
    return reasons;
  });
}

base::Result<core::RecordPayload> DeadLetterList::Payload(core::DeadLetterId id) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<core::RecordPayload> {
    Statement select(connection, "SELECT key, headers, value FROM dead_letters WHERE id = ?1");
    if (!select.Bind(id).Step()) return NotFound(id);
    core::RecordPayload payload{select.OptionalText(0), select.OptionalText(2), ReadHeaders(select, 1)};
    std::erase_if(payload.headers, [](const auto& header) { return core::IsOwnHeader(header.name); });
    return payload;
  });
}

base::Status DeadLetterList::Redrive(core::DeadLetterId id, const core::LogRecord& record, base::Deadline deadline) {
  return engine_.writer->Run(deadline,
                             [&](Connection& connection) { return RedriveOne(connection, id, record, core::Now()); });
}

base::Result<std::int64_t> DeadLetterList::Purge(std::span<const core::DeadLetterId> ids, base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<std::int64_t> {
    std::int64_t purged = 0;
    for (const core::DeadLetterId id : ids) purged += connection.Run("DELETE FROM dead_letters WHERE id = ?1", id);
    return purged;
  });
}

}  // namespace millrace::sqlite
