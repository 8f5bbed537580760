#include "adapters/memory/tables.h"

#include "core/document_event.h"
#include "core/log.h"

namespace millrace::memory {

const VersionChunks* DocumentRow::indexed_chunks() const {
  const auto found = chunks.find(indexed_version);
  return indexed_version > 0 && found != chunks.end() ? &found->second : nullptr;
}

DocumentRow* Tables::Find(core::DocumentId id) {
  const auto found = documents.find(id);
  return found == documents.end() ? nullptr : &found->second;
}

void Tables::AddVersion(DocumentRow& document, Body body, core::Timestamp now) {
  ++document.version;
  document.bodies.emplace(document.version, std::move(body));
  document.status = core::DocumentStatus::kQueued;
  document.attempts = 0;
  document.updated_at = now;
  document.steps = {.received = now, .chunked = {}, .embedded = {}, .stored = {}};
  document.error.reset();
  document.warning.reset();
}

void Tables::AddUpload(core::DocumentId id, core::Version version, core::Timestamp now, core::Timestamp due_at) {
  const auto row = ++last_outbox_id;
  outbox.emplace(row, OutboxEntry{core::kUploadsTopic, id, version, {}, now, due_at, {}});
  outbox_of[{id, core::kUploadsTopic}].emplace(row, version);
}

void Tables::AddEvent(const DocumentRow& document, core::Version version, core::DocumentStatus status,
                      core::Timestamp now) {
  core::DocumentEvent event;
  event.document_id = document.id;
  event.version = version;
  event.revision = document.revision;
  event.status = status;
  event.at = now;
  if (status == core::DocumentStatus::kIndexed) {
    event.chunks = static_cast<std::int64_t>(document.chunks.at(version).rows.size());
  }
  if (status == core::DocumentStatus::kFailed) event.error = document.error;
  const auto row = ++last_outbox_id;
  outbox.emplace(row, OutboxEntry{core::kEventsTopic, document.id, version, core::FormatEvent(event), now, now, {}});
  outbox_of[{document.id, core::kEventsTopic}].emplace(row, version);
}

void Tables::EraseOutboxRow(std::int64_t row) {
  const auto found = outbox.find(row);
  if (found == outbox.end()) return;
  const auto queue = outbox_of.find({found->second.document_id, found->second.topic});
  queue->second.erase(row);
  if (queue->second.empty()) outbox_of.erase(queue);
  outbox.erase(found);
}

void Tables::EraseOutboxRows(core::DocumentId id, const std::string& topic, core::Version version) {
  const auto queue = outbox_of.find({id, topic});
  if (queue == outbox_of.end()) return;
  std::vector<std::int64_t> rows;
  for (const auto& [row, row_version] : queue->second) {
    if (row_version <= version) rows.push_back(row);
  }
  for (const auto row : rows) EraseOutboxRow(row);
}

bool Tables::HasUpload(core::DocumentId id) const { return outbox_of.contains({id, core::kUploadsTopic}); }

void Tables::RecordOrigin(DocumentRow& document, Origin origin) {
  if (!document.origin || document.origin->version <= origin.version) document.origin = std::move(origin);
}

std::int64_t Tables::EraseChunks(DocumentRow& document, core::Version version) {
  const auto found = document.chunks.find(version);
  if (found == document.chunks.end()) return 0;
  const auto count = static_cast<std::int64_t>(found->second.rows.size());
  for (const auto& [index, row] : found->second.rows) chunk_places.erase(row.id);
  document.chunks.erase(found);
  if (chunk_places.empty()) dimensions.reset();
  return count;
}

}  // namespace millrace::memory
