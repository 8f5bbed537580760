#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "adapters/memory/ports.h"
#include "core/record_headers.h"

namespace millrace::memory {
namespace {

base::Error NotFound(core::DeadLetterId id) {
  return {base::Code::kNotFound, fmt::format("There is no dead letter {}.", id), {}};
}

/// But for the cursor.
bool Matches(const core::DeadLetter& letter, const core::DeadLetterQuery& query) {
  const auto is = [](const auto& wanted, const auto& value) { return !wanted || *wanted == value; };
  return (query.ids.empty() || std::ranges::count(query.ids, letter.id) > 0) && is(query.code, letter.error.code) &&
         is(query.stage, letter.error.stage) && is(query.document_id, letter.document_id) &&
         is(query.redriven, letter.redriven_at.has_value()) && (!query.since || letter.failed_at >= *query.since) &&
         (!query.until || letter.failed_at < *query.until);
}

}  // namespace

void Tables::ListDeadLetter(const core::DeadLetterDraft& draft, core::WhenListed when_listed, core::Timestamp now) {
  auto found = dead_letters.find(draft.id);
  if (found == dead_letters.end()) {
    found = std::ranges::find_if(dead_letters, [&](const auto& row) {
      const core::DeadLetter& letter = row.second.letter;
      return letter.original == draft.original && letter.original_timestamp == draft.original_timestamp;
    });
  }
  if (found == dead_letters.end() && draft.document_id > 0 && draft.version > 0) {  // a relay may send a version twice
    found = std::ranges::find_if(dead_letters, [&](const auto& row) {
      return row.second.letter.document_id == draft.document_id && row.second.letter.version == draft.version;
    });
  }
  const bool listed = found != dead_letters.end();
  const bool read_twice = listed && !found->second.letter.redriven_at;
  if (read_twice && when_listed == core::WhenListed::kLeave) return;
  const core::DeadLetterId id = listed ? found->first : ++last_dead_letter_id;
  auto& [letter, copy] = dead_letters[id];
  if (!listed) {
    letter.id = id;
    letter.original = draft.original;
    letter.original_timestamp = draft.original_timestamp;
  }
  letter.document_id = draft.document_id;
  letter.version = draft.version;
  letter.attempts = draft.attempts;
  letter.error = draft.error;
  letter.failed_at = now;
  letter.redriven_at.reset();
  letter.value_bytes = draft.copy.value ? static_cast<std::int64_t>(draft.copy.value->size()) : 0;
  copy = draft.copy;
  if (!read_twice) AddRecord(draft.copy, draft.document_id, draft.version, now, id);
}

void Tables::EraseDeadLetters(core::DocumentId id, core::Version from, core::Version up_to) {
  std::erase_if(dead_letters, [&](const auto& row) {
    const core::DeadLetter& letter = row.second.letter;
    return letter.document_id == id && letter.version >= from && letter.version <= up_to;
  });
}

base::Result<std::vector<core::DeadLetter>> DeadLetterTable::List(const core::DeadLetterQuery& query) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::DeadLetter> letters;
  const auto& rows = tables_.dead_letters;
  const auto end = rows.lower_bound(query.before.value_or(std::numeric_limits<core::DeadLetterId>::max()));
  for (auto it = std::make_reverse_iterator(end); it != rows.rend() && letters.size() < query.limit; ++it) {
    if (Matches(it->second.letter, query)) letters.push_back(it->second.letter);
  }
  return letters;
}

base::Result<std::int64_t> DeadLetterTable::Count(const core::DeadLetterQuery& query) {
  std::lock_guard lock(tables_.mutex);
  return std::int64_t{
      std::ranges::count_if(tables_.dead_letters, [&](const auto& row) { return Matches(row.second.letter, query); })};
}

base::Result<std::vector<core::DeadLetterReason>> DeadLetterTable::Reasons() {
  std::lock_guard lock(tables_.mutex);
  std::map<std::pair<std::string, std::string>, core::DeadLetterReason> by_reason;
  for (const auto& [id, row] : tables_.dead_letters) {
    const core::DeadLetter& letter = row.letter;
    core::DeadLetterReason& reason = by_reason[{letter.error.code, letter.error.stage}];
    reason = {letter.error.code, letter.error.stage, reason.count + 1, std::max(reason.newest, letter.failed_at)};
  }
  std::vector<core::DeadLetterReason> reasons;
  for (auto& [key, reason] : by_reason) reasons.push_back(std::move(reason));
  std::ranges::stable_sort(
      reasons, [](const auto& a, const auto& b) { return std::tie(a.count, a.newest) > std::tie(b.count, b.newest); });
  return reasons;
}

base::Result<core::RecordPayload> DeadLetterTable::Payload(core::DeadLetterId id) {
  std::lock_guard lock(tables_.mutex);
  const auto found = tables_.dead_letters.find(id);
  if (found == tables_.dead_letters.end()) return NotFound(id);
  const core::LogRecord& copy = found->second.copy;
  core::RecordPayload payload{copy.key, copy.value, copy.headers};
  std::erase_if(payload.headers, [](const auto& header) { return core::IsOwnHeader(header.name); });
  return payload;
}

/// That the letter's document may take its version up again; brings it back to `queued`.
base::Status DeadLetterTable::RequeueDocument(const core::DeadLetter& letter, core::Timestamp now) {
  DocumentRow* document = tables_.Find(letter.document_id);
  const auto refuse = [&](std::string_view why) {
    return base::Error{base::Code::kConflict, fmt::format("Document {} {}.", letter.document_id, why), {}};
  };
  if (document != nullptr && document->deleted()) return refuse("is deleted");
  if (letter.version == 0) return {};
  if (document == nullptr || letter.version <= document->deleted_version) return refuse("was deleted since");
  if (letter.version < document->version) return refuse("has a newer version");
  if (letter.version <= document->indexed_version) return refuse("is indexed");
  document->Requeue(now);
  tables_.AddEvent(*document, letter.version, document->status, now);
  return {};
}

base::Status DeadLetterTable::Redrive(core::DeadLetterId id, const core::LogRecord& record, base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The record was not redriven in time."};
  std::lock_guard lock(tables_.mutex);
  const auto found = tables_.dead_letters.find(id);
  if (found == tables_.dead_letters.end()) return NotFound(id);
  core::DeadLetter& letter = found->second.letter;
  if (letter.redriven_at) {
    return {base::Code::kConflict, fmt::format("Dead letter {} is under way already.", id)};
  }
  const auto now = core::Now();
  RETURN_IF_ERROR(RequeueDocument(letter, now));
  tables_.AddRecord(record, letter.document_id, letter.version, now, 0);
  ++letter.redrives;
  letter.redriven_at = now;
  return {};
}

base::Result<std::int64_t> DeadLetterTable::Purge(std::span<const core::DeadLetterId> ids, base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The dead letters were not purged in time."};
  std::lock_guard lock(tables_.mutex);
  std::int64_t purged = 0;
  for (const auto id : ids) purged += static_cast<std::int64_t>(tables_.dead_letters.erase(id));
  return purged;
}

}  // namespace millrace::memory
