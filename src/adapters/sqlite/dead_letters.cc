#include "adapters/sqlite/dead_letters.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <limits>
#include <string>

#include "adapters/sql/dead_letter_rows.h"
#include "adapters/sqlite/document_rows.h"
#include "adapters/sqlite/log_rows.h"
#include "core/fence.h"
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

/// Brings the dead letter's document back to `queued`, if its version may be taken up again.
base::Status Requeue(Connection& connection, core::DocumentId id, core::Version version, core::Timestamp now) {
  const auto state = FindState(connection, id);
  RETURN_IF_ERROR(core::CheckRedrive(state ? &*state : nullptr, id, version));
  if (version == 0) return {};
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
  sql::NoteRedriven(connection, id, now);
  return {};
}

}  // namespace

base::Result<std::vector<core::DeadLetter>> DeadLetterList::List(const core::DeadLetterQuery& query) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::DeadLetter>> {
    Statement select(connection, std::string(sql::kSelectLetters) + ConditionOf(query) + " ORDER BY id DESC LIMIT ?8");
    select.Bind(query.code, query.stage, query.document_id, query.since, query.until, IdsOf(query),
                query.before.value_or(kAnyId), query.limit);
    std::vector<core::DeadLetter> letters;
    while (select.Step()) letters.push_back(sql::ReadLetter(select));
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
    Statement select(connection, sql::kSelectReasons);
    std::vector<core::DeadLetterReason> reasons;
    while (select.Step()) reasons.push_back(sql::ReadReason(select));
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
    for (const core::DeadLetterId id : ids) purged += sql::RemoveLetter(connection, id) ? 1 : 0;
    return purged;
  });
}

}  // namespace millrace::sqlite
