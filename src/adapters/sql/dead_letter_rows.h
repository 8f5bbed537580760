#pragma once

#include <cstdint>
#include <string_view>

#include "adapters/sql/position.h"
#include "core/dead_letters.h"
#include "core/document.h"

/// What both databases say alike of dead letters; see document_rows.h.
namespace millrace::sql {

constexpr std::string_view kSelectLetters = R"sql(
    SELECT id, original_topic, original_partition, original_offset, original_at, document_id, version, attempts,
           error_code, error_message, error_stage, failed_at, redrives, redriven_at, position_topic, position_partition,
           position_offset, value_bytes
    FROM dead_letters)sql";

template <typename Row>
core::DeadLetter ReadLetter(const Row& row) {
  core::DeadLetter letter;
  letter.id = row.Int(0);
  letter.original = ReadPosition(row, 1);
  letter.original_timestamp = row.Time(4);
  letter.document_id = row.Int(5);
  letter.version = row.Int(6);
  letter.attempts = static_cast<int>(row.Int(7));
  letter.error = {row.Text(8), row.Text(9), row.Text(10)};
  letter.failed_at = row.Time(11);
  letter.redrives = static_cast<int>(row.Int(12));
  letter.redriven_at = row.OptionalTime(13);
  if (!row.IsNull(14)) letter.position = ReadPosition(row, 14);
  letter.value_bytes = row.Int(17);
  return letter;
}

constexpr std::string_view kSelectReasons = R"sql(
    SELECT error_code, error_stage, count(*), max(failed_at) FROM dead_letters GROUP BY error_code, error_stage
    ORDER BY 3 DESC, 4 DESC, 1, 2)sql";

template <typename Row>
core::DeadLetterReason ReadReason(const Row& row) {
  return {row.Text(0), row.Text(1), row.Int(2), row.Time(3)};
}

/// A new row that only says where the record lay first. Another transaction that adds the same one waits for ours.
template <typename Connection>
core::DeadLetterId InsertLetter(Connection& connection, const core::DeadLetterDraft& draft) {
  connection.Run(R"sql(
      INSERT INTO dead_letters(original_topic, original_partition, original_offset, original_at, document_id, version,
                               attempts, error_code, error_message, error_stage, failed_at, value_bytes)
      VALUES (?, ?, ?, ?, 0, 0, 0, '', '', '', 0, 0))sql",
                 draft.original.topic, draft.original.partition, draft.original.offset, draft.original_timestamp);
  return connection.last_insert_id();
}

/// Notes the version that a redriven record became.
template <typename Connection>
void NoteVersion(Connection& connection, core::DeadLetterId id, core::DocumentId document, core::Version version) {
  connection.Run("UPDATE dead_letters SET document_id = ?, version = ? WHERE id = ?", document, version, id);
}

template <typename Connection>
void NoteRedriven(Connection& connection, core::DeadLetterId id, core::Timestamp now) {
  connection.Run("UPDATE dead_letters SET redrives = redrives + 1, redriven_at = ? WHERE id = ?", now, id);
}

/// Where its newest copy lies.
template <typename Connection>
void StoreCopyPosition(Connection& connection, core::DeadLetterId id, const core::Position& position) {
  connection.Run("UPDATE dead_letters SET position_topic = ?, position_partition = ?, position_offset = ? WHERE id = ?",
                 position.topic, position.partition, position.offset, id);
}

template <typename Connection>
bool RemoveLetter(Connection& connection, core::DeadLetterId id) {
  return connection.Run("DELETE FROM dead_letters WHERE id = ?", id) > 0;
}

}  // namespace millrace::sql
