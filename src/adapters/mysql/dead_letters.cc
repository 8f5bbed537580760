#include "adapters/mysql/dead_letters.h"

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "adapters/mysql/dead_letter_rows.h"
#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/rows.h"
#include "adapters/sql/dead_letter_rows.h"
#include "core/fence.h"
#include "core/record_headers.h"

namespace millrace::mysql {
namespace {

base::Error NotFound(core::DeadLetterId id) {
  return {base::Code::kNotFound, fmt::format("there is no dead letter {}", id), {}};
}

/// Whatever bytes a client asks for: what is no UTF-8 equals nothing.
std::string TextLiteral(std::string_view text) {
  return fmt::format("CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin", HexLiteral(text));
}

std::string ConditionOf(const core::DeadLetterQuery& query) {
  std::string condition = " WHERE TRUE";
  if (!query.ids.empty()) condition += " AND id IN " + ListOf(query.ids);
  if (query.code) condition += " AND error_code = " + TextLiteral(*query.code);
  if (query.stage) condition += " AND error_stage = " + TextLiteral(*query.stage);
  if (query.document_id) condition += fmt::format(" AND document_id = {}", *query.document_id);
  if (query.since) condition += fmt::format(" AND failed_at >= {}", query.since->time_since_epoch().count());
  if (query.until) condition += fmt::format(" AND failed_at < {}", query.until->time_since_epoch().count());
  if (query.redriven) condition += *query.redriven ? " AND redriven_at IS NOT NULL" : " AND redriven_at IS NULL";
  return condition;
}

void Requeue(DocumentWriter& writer, StateRow& state, core::Timestamp now) {
  state.Requeue(now);
  writer.Save(state);
  writer.AddEvent({state.id, state.version, state.revision, core::DocumentStatus::kQueued, 0, now, {}, {}});
}

base::Status RedriveOne(Connection& connection, core::DeadLetterId id, const core::LogRecord& record,
                        core::Timestamp now) {
  const auto document = connection.Int("SELECT document_id FROM dead_letters WHERE id = ?", id);
  if (!document) return NotFound(id);
  StateRows states = LockStates(connection, {*document});
  Statement select(connection, "SELECT document_id, version, redriven_at FROM dead_letters WHERE id = ? FOR UPDATE");
  if (!select.Bind(id).Step()) return NotFound(id);
  if (select.Int(0) != *document) {
    throw Failure({base::Code::kUnavailable, fmt::format("dead letter {} changes all the time", id), {}},
                  Failure::Kind::kConflict);
  }
  if (!select.IsNull(2)) return {base::Code::kConflict, fmt::format("dead letter {} is under way already", id)};
  const DocumentVersion version{*document, select.Int(1)};
  const auto state = states.find(*document);
  RETURN_IF_ERROR(core::CheckRedrive(state == states.end() ? nullptr : &state->second, *document, version.second));
  DocumentWriter writer(connection);
  if (version.second > 0) Requeue(writer, state->second, now);
  writer.AddRecord(record, version, now, 0);
  sql::NoteRedriven(connection, id, now);
  writer.Flush();
  return {};
}

}  // namespace

base::Result<std::vector<core::DeadLetter>> DeadLetterList::List(const core::DeadLetterQuery& query) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::DeadLetter>> {
    std::string sql = std::string(sql::kSelectLetters) + ConditionOf(query);
    if (query.before) sql += fmt::format(" AND id < {}", *query.before);
    Rows rows(connection, sql + fmt::format(" ORDER BY id DESC LIMIT {}", query.limit));
    std::vector<core::DeadLetter> letters;
    while (rows.Next()) letters.push_back(sql::ReadLetter(rows));
    return letters;
  });
}

base::Result<std::int64_t> DeadLetterList::Count(const core::DeadLetterQuery& query) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::int64_t> {
    Rows rows(connection, "SELECT count(*) FROM dead_letters" + ConditionOf(query));
    rows.Next();
    return rows.Int(0);
  });
}

base::Result<std::vector<core::DeadLetterReason>> DeadLetterList::Reasons() {
  return engine_.ReadOne([](Connection& connection) -> base::Result<std::vector<core::DeadLetterReason>> {
    Rows rows(connection, sql::kSelectReasons);
    std::vector<core::DeadLetterReason> reasons;
    while (rows.Next()) reasons.push_back(sql::ReadReason(rows));
    return reasons;
  });
}

base::Result<core::RecordPayload> DeadLetterList::Payload(core::DeadLetterId id) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<core::RecordPayload> {
    Rows rows(connection, fmt::format("SELECT record_key, headers, value FROM dead_letters WHERE id = {}", id));
    if (!rows.Next()) return NotFound(id);
    ASSIGN_OR_RETURN(std::vector<core::RecordHeader> headers, core::DecodeHeaders(rows.View(1)));
    std::erase_if(headers, [](const auto& header) { return core::IsOwnHeader(header.name); });
    return core::RecordPayload{rows.OptionalText(0), rows.OptionalText(2), std::move(headers)};
  });
}

base::Status DeadLetterList::Redrive(core::DeadLetterId id, const core::LogRecord& record, base::Deadline deadline) {
  return engine_.Write(deadline,
                       [&](Connection& connection) { return RedriveOne(connection, id, record, core::Now()); });
}

base::Result<std::int64_t> DeadLetterList::Purge(std::span<const core::DeadLetterId> ids, base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) -> base::Result<std::int64_t> {
    return RemoveDeadLetters(connection, std::vector(ids.begin(), ids.end()));
  });
}

}  // namespace millrace::mysql
