#include "adapters/mysql/dead_letters.h"

#include <fmt/core.h>

#include <optional>
#include <string>
#include <string_view>

#include "adapters/mysql/dead_letter_rows.h"
#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/rows.h"
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

constexpr std::string_view kSelectLetters = R"sql(
    SELECT id, original_topic, original_partition, original_offset, original_at, document_id, version, attempts,
           error_code, error_message, error_stage, failed_at, redrives, redriven_at, position_topic, position_partition,
           position_offset, value_bytes
    FROM dead_letters)sql";

core::DeadLetter ReadLetter(const Rows& row) {
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

/// That a dead letter's document, whose state is locked, may take its version up again.
base::Status CheckOpen(const StateRows& states, const DocumentVersion& letter) {
  const auto found = states.find(letter.first);
  const auto refuse = [&](std::string_view why) {
    return base::Error{base::Code::kConflict, fmt::format("document {} {}", letter.first, why), {}};
  };
  if (found != states.end() && found->second.deleted()) return refuse("is deleted");
  if (letter.second == 0) return {};
  if (found == states.end() || letter.second <= found->second.deleted_version) return refuse("was deleted since");
  if (letter.second < found->second.version) return refuse("has a newer version");
  if (letter.second <= found->second.indexed_version) return refuse("is indexed");
  return {};
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
  RETURN_IF_ERROR(CheckOpen(states, version));
  DocumentWriter writer(connection);
  if (version.second > 0) Requeue(writer, states.at(*document), now);
  writer.AddRecord(record, version, now, 0);
  connection.Run("UPDATE dead_letters SET redrives = redrives + 1, redriven_at = ? WHERE id = ?", now, id);
  writer.Flush();
  return {};
}

}  // namespace

base::Result<std::vector<core::DeadLetter>> DeadLetterList::List(const core::DeadLetterQuery& query) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::DeadLetter>> {
    std::string sql = std::string(kSelectLetters) + ConditionOf(query);
    if (query.before) sql += fmt::format(" AND id < {}", *query.before);
    Rows rows(connection, sql + fmt::format(" ORDER BY id DESC LIMIT {}", query.limit));
    std::vector<core::DeadLetter> letters;
    while (rows.Next()) letters.push_back(ReadLetter(rows));
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
    Rows rows(connection, R"sql(
        SELECT error_code, error_stage, count(*), max(failed_at) FROM dead_letters GROUP BY error_code, error_stage
        ORDER BY 3 DESC, 4 DESC, 1, 2)sql");
    std::vector<core::DeadLetterReason> reasons;
    while (rows.Next()) reasons.push_back({rows.Text(0), rows.Text(1), rows.Int(2), rows.Time(3)});
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
