#include "adapters/sqlite/dead_letter_rows.h"

#include <optional>
#include <string>

#include "adapters/sql/dead_letter_rows.h"
#include "adapters/sqlite/document_rows.h"
#include "core/record_headers.h"

namespace millrace::sqlite {
namespace {

struct Listed {
  core::DeadLetterId id = 0;
  bool rests = false;
};

/// By its id, by where it lay first, or, because a relay may send a version twice, by what it is a version of.
std::optional<Listed> FindListed(Connection& connection, const core::DeadLetterDraft& draft) {
  Statement by_id(connection, "SELECT id, redriven_at IS NULL FROM dead_letters WHERE id = ?1");
  if (draft.id > 0 && by_id.Bind(draft.id).Step()) return Listed{by_id.Int(0), by_id.Int(1) != 0};
  Statement by_position(connection, R"sql(
      SELECT id, redriven_at IS NULL FROM dead_letters
      WHERE original_topic = ?1 AND original_partition = ?2 AND original_offset = ?3 AND original_at = ?4)sql");
  const core::Position& at = draft.original;
  if (by_position.Bind(at.topic, at.partition, at.offset, draft.original_timestamp).Step()) {
    return Listed{by_position.Int(0), by_position.Int(1) != 0};
  }
  Statement by_version(connection, R"sql(
      SELECT id, redriven_at IS NULL FROM dead_letters WHERE document_id = ?1 AND version = ?2 ORDER BY id LIMIT 1)sql");
  if (draft.document_id == 0 || draft.version == 0 || !by_version.Bind(draft.document_id, draft.version).Step())
    return std::nullopt;
  return Listed{by_version.Int(0), by_version.Int(1) != 0};
}

void Update(Connection& connection, core::DeadLetterId id, const core::DeadLetterDraft& draft, core::Timestamp now) {
  const std::string headers = core::EncodeHeaders(draft.copy.headers);
  connection.Run(R"sql(
      UPDATE dead_letters SET document_id = ?2, version = ?3, attempts = ?4, error_code = ?5, error_message = ?6,
        error_stage = ?7, failed_at = ?8, redriven_at = NULL, value_bytes = ?9, key = ?10, headers = ?11, value = ?12
      WHERE id = ?1)sql",
                 id, draft.document_id, draft.version, draft.attempts, draft.error.code, draft.error.message,
                 draft.error.stage, now, draft.copy.value ? draft.copy.value->size() : 0, AsBlob(draft.copy.key),
                 Blob{headers}, AsBlob(draft.copy.value));
}

}  // namespace

void ListDeadLetter(Connection& connection, const core::DeadLetterDraft& draft, core::WhenListed when_listed,
                    core::Timestamp now) {
  const std::optional<Listed> listed = FindListed(connection, draft);
  const bool read_twice = listed && listed->rests;
  if (read_twice && when_listed == core::WhenListed::kLeave) return;
  const core::DeadLetterId id = listed ? listed->id : sql::InsertLetter(connection, draft);
  Update(connection, id, draft, now);
  if (!read_twice) AddRecord(connection, draft.copy, draft.document_id, draft.version, now, id);
}

void FollowRedriven(Connection& connection, const core::Work& work, const core::WorkOrder& order) {
  if (order.settled()) sql::RemoveLetter(connection, work.dead_letter);
  if (order.verdict != core::WorkOrder::Verdict::kProcess) return;
  sql::NoteVersion(connection, work.dead_letter, work.id, order.version);
}

void RemoveDeadLetters(Connection& connection, core::DocumentId id, core::Version up_to) {
  connection.Run("DELETE FROM dead_letters WHERE document_id = ?1 AND version BETWEEN 1 AND ?2", id, up_to);
}

}  // namespace millrace::sqlite
