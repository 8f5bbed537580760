#include <algorithm>

#include "adapters/memory/ports.h"
#include "core/log.h"

namespace millrace::memory {

base::Result<core::DocumentTraces> Traces::Find(core::DocumentId id) {
  std::lock_guard lock(tables_.mutex);
  const DocumentRow* row = tables_.Find(id);
  if (row == nullptr) return {base::Code::kNotFound, "No such document."};
  core::DocumentTraces traces;
  traces.deleted = row->deleted();
  traces.documents = (row->deleted() ? 0 : 1) + static_cast<std::int64_t>(row->bodies.size());
  traces.contents = static_cast<std::int64_t>(row->bodies.size());
  for (const auto& [version, chunks] : row->chunks) traces.chunks += static_cast<std::int64_t>(chunks.rows.size());
  for (const auto& [number, owed] : tables_.outbox) {
    if (owed.document_id == id) ++(owed.topic == core::kEventsTopic ? traces.events : traces.outbox);
  }
  if (row->origin) traces.records.push_back({row->origin->position, row->origin->timestamp});
  for (const auto& [number, dead] : tables_.dead_letters) {
    const core::DeadLetter& letter = dead.letter;
    if (letter.document_id != id) continue;
    ++traces.dead_letters;
    traces.records.push_back({letter.original, letter.original_timestamp});
    if (letter.position) traces.records.push_back({*letter.position, letter.failed_at});
  }
  for (const auto& [key, request] : tables_.requests) {
    const bool shows = std::any_of(request.accepted.begin(), request.accepted.end(),
                                   [id](const auto& item) { return item.second.id == id; });
    if (shows && request.row.answer) ++traces.answers;
  }
  return traces;
}

}  // namespace millrace::memory
