#include "adapters/mysql/dead_letter_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "adapters/mysql/rows.h"
#include "adapters/sql/dead_letter_rows.h"
#include "core/record_headers.h"

namespace millrace::mysql {
namespace {

struct Listed {
  core::DeadLetterId id = 0;
  bool rests = false;
};

/// By its id, by where it lay first, or, because a relay may send a version twice, by what it is a version of.
std::optional<Listed> LockListed(Connection& connection, const core::DeadLetterDraft& draft) {
  if (draft.id > 0) {
    Statement select(connection, "SELECT id, redriven_at IS NULL FROM dead_letters WHERE id = ? FOR UPDATE");
    if (select.Bind(draft.id).Step()) return Listed{select.Int(0), select.Int(1) != 0};
  }
  Statement select(connection, R"sql(
      SELECT id, redriven_at IS NULL FROM dead_letters
      WHERE original_topic = ? AND original_partition = ? AND original_offset = ? AND original_at = ? FOR UPDATE)sql");
  const core::Position& at = draft.original;
  if (select.Bind(at.topic, at.partition, at.offset, draft.original_timestamp).Step()) {
    return Listed{select.Int(0), select.Int(1) != 0};
  }
  if (draft.document_id == 0 || draft.version == 0) return std::nullopt;
  Statement by_version(connection, R"sql(
      SELECT id, redriven_at IS NULL FROM dead_letters WHERE document_id = ? AND version = ? ORDER BY id LIMIT 1
      FOR UPDATE)sql");
  if (!by_version.Bind(draft.document_id, draft.version).Step()) return std::nullopt;
  return Listed{by_version.Int(0), by_version.Int(1) != 0};
}

void Update(Connection& connection, core::DeadLetterId id, const core::DeadLetterDraft& draft, core::Timestamp now) {
  const std::string headers = core::EncodeHeaders(draft.copy.headers);
  connection.Run(R"sql(
      UPDATE dead_letters SET document_id = ?, version = ?, attempts = ?, error_code = ?, error_message = ?,
        error_stage = ?, failed_at = ?, redriven_at = NULL, value_bytes = ?, record_key = ?, headers = ?, value = ?
      WHERE id = ?)sql",
                 draft.document_id, draft.version, draft.attempts, draft.error.code, draft.error.message,
                 draft.error.stage, now, draft.copy.value ? draft.copy.value->size() : 0, AsBlob(draft.copy.key),
                 Blob{headers}, AsBlob(draft.copy.value), id);
}

}  // namespace

void ListDeadLetters(Connection& connection, std::vector<const core::DeadLetterDraft*> drafts,
                     core::WhenListed when_listed, core::Timestamp now, DocumentWriter& writer) {
  const auto place = [](const core::DeadLetterDraft* draft) {
    return std::tie(draft->original.topic, draft->original.partition, draft->original.offset);
  };
  std::stable_sort(drafts.begin(), drafts.end(), [&](const auto* a, const auto* b) { return place(a) < place(b); });
  for (const core::DeadLetterDraft* draft : drafts) {
    const std::optional<Listed> listed = LockListed(connection, *draft);
    const bool read_twice = listed && listed->rests;
    if (read_twice && when_listed == core::WhenListed::kLeave) continue;
    const core::DeadLetterId id = listed ? listed->id : sql::InsertLetter(connection, *draft);
    Update(connection, id, *draft, now);
    if (!read_twice) writer.AddRecord(draft->copy, {draft->document_id, draft->version}, now, id);
  }
}

void RemoveDeadLetters(Connection& connection, std::span<const DocumentVersion> up_to) {
  std::map<core::DocumentId, core::Version> newest(up_to.begin(), up_to.end());
  std::vector<core::DocumentId> documents;
  for (const auto& [id, version] : newest) documents.push_back(id);
  std::vector<core::DeadLetterId> settled;
  InPieces(std::span<const core::DocumentId>(documents), [&](std::span<const core::DocumentId> piece) {
    Rows rows(connection, "SELECT id, document_id, version FROM dead_letters WHERE version > 0 AND document_id IN " +
                              ListOf(piece));
    while (rows.Next()) {
      if (rows.Int(2) <= newest.at(rows.Int(1))) settled.push_back(rows.Int(0));
    }
  });
  RemoveDeadLetters(connection, std::move(settled));
}

std::int64_t RemoveDeadLetters(Connection& connection, std::vector<core::DeadLetterId> ids) {
  std::sort(ids.begin(), ids.end());
  std::int64_t removed = 0;
  for (const core::DeadLetterId id : ids) removed += sql::RemoveLetter(connection, id) ? 1 : 0;
  return removed;
}

}  // namespace millrace::mysql
