#include "adapters/memory/tables.h"

#include <algorithm>
#include <utility>

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
  if (document.version > std::max(document.indexed_version, document.deleted_version)) {
    AddEvent(document, document.version, core::DocumentStatus::kSuperseded, now);
  }
  ++document.version;
  document.bodies.emplace(document.version, std::move(body));
  document.Requeue(now);
  document.steps = {.received = now, .chunked = {}, .embedded = {}, .stored = {}};
  document.warning.reset();
  AddEvent(document, document.version, document.status, now);
}

void Tables::AddUpload(core::DocumentId id, core::Version version, core::Timestamp now, std::chrono::seconds delay) {
  const auto row = ++last_outbox_id;
  outbox.emplace(row,
                 OutboxEntry{core::kUploadsTopic, id, version, {}, 0, now, std::chrono::steady_clock::now() + delay});
  outbox_of[{id, core::kUploadsTopic}].emplace(row, version);
}

void Tables::AddEvent(const DocumentRow& document, core::Version version, core::DocumentStatus status,
                      core::Timestamp now, const core::StepTimes& steps) {
  core::DocumentEvent event;
  event.document_id = document.id;
  event.version = version;
  event.revision = document.revision;
  event.status = status;
  event.at = now;
  if (status == core::DocumentStatus::kIndexed) {
    event.chunks = static_cast<std::int64_t>(document.chunks.at(version).rows.size());
  }
  event.steps = steps;
  if (version == document.version && status != core::DocumentStatus::kSuperseded) {
    event.error = document.error;
    event.next_attempt_at = document.next_attempt_at;
  }
  core::LogRecord record;
  record.position.topic = core::kEventsTopic;
  record.key = core::DocumentKey(document.id);
  record.value = core::FormatEvent(event);
  AddRecord(record, document.id, version, now, 0);
}

void Tables::AddRecord(const core::LogRecord& record, core::DocumentId id, core::Version version, core::Timestamp now,
                       core::DeadLetterId dead_letter) {
  const auto row = ++last_outbox_id;
  const std::string& topic = record.position.topic;
  core::LogRecord owed{{topic, -1, -1}, record.key, record.value, record.headers, {}};
  outbox.emplace(row, OutboxEntry{topic, id, version, std::move(owed), dead_letter, now, {}});
  outbox_of[{id, topic}].emplace(row, version);
}

void Tables::EraseOutboxRow(std::int64_t row) {
  const auto found = outbox.find(row);
  if (found == outbox.end()) return;
  const auto queue = outbox_of.find({found->second.document_id, found->second.topic});
  queue->second.erase(row);
  if (queue->second.empty()) outbox_of.erase(queue);
  outbox.erase(found);
}

void Tables::EraseUploads(core::DocumentId id, core::Version version) {
  std::vector<std::int64_t> rows;
  for (auto it = outbox_of.lower_bound({id, ""}); it != outbox_of.end() && it->first.first == id; ++it) {
    const std::string& topic = it->first.second;
    if (topic == core::kEventsTopic || topic == core::kDeadLettersTopic) continue;
    for (const auto& [row, row_version] : it->second) {
      if (row_version > 0 && row_version <= version) rows.push_back(row);
    }
  }
  for (const auto row : rows) EraseOutboxRow(row);
}

void Tables::EraseOwed(core::DocumentId id) {
  for (auto it = outbox_of.lower_bound({id, ""}); it != outbox_of.end() && it->first.first == id;) {
    if (it->first.second == core::kEventsTopic) {
      ++it;
      continue;
    }
    for (const auto& [row, version] : it->second) outbox.erase(row);
    it = outbox_of.erase(it);
  }
}

bool Tables::HasUpload(core::DocumentId id) const { return outbox_of.contains({id, core::kUploadsTopic}); }

bool Tables::OwesRecord(core::DocumentId id) const {
  for (auto it = outbox_of.lower_bound({id, ""}); it != outbox_of.end() && it->first.first == id; ++it) {
    if (it->first.second != core::kEventsTopic) return true;
  }
  return false;
}

void Tables::RecordOrigin(DocumentRow& document, Origin origin) {
  if (document.origin && document.origin->version > origin.version) return;
  if (origin.version == document.reindexed_version) {
    origin.timestamp = document.origin ? document.origin->timestamp : core::Timestamp();
  }
  document.origin = std::move(origin);
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
