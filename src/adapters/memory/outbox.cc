#include "adapters/memory/ports.h"

namespace millrace::memory {

base::Result<std::vector<core::OutboxRow>> OutboxTable::Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                              std::chrono::milliseconds lease) {
  std::lock_guard lock(tables_.mutex);
  const auto now = std::chrono::steady_clock::now();
  std::vector<core::OutboxRow> rows;
  for (auto& [id, entry] : tables_.outbox) {
    if (rows.size() >= limit) break;
    if (entry.held_until > now) continue;
    if (entry.document_id > 0 && tables_.outbox_of.at({entry.document_id, entry.topic}).begin()->first != id) {
      continue;  // an older one is unsent
    }
    entry.held_until = now + lease;
    core::OutboxRow& row = rows.emplace_back();
    row.id = id;
    row.topic = entry.topic;
    row.document_id = entry.document_id;
    row.version = entry.version;
    row.record = entry.record;
    row.created_at = entry.created_at;
    if (entry.record) continue;
    const Body& body = tables_.documents.at(entry.document_id).bodies.at(entry.version);
    row.title = body.title;
    row.content_bytes = static_cast<std::int64_t>(body.content.size());
    row.content_hash = body.hash;
    if (body.content.size() <= max_inline_bytes) row.content = body.content;
  }
  return rows;
}

base::Status OutboxTable::MarkSent(std::span<const core::Sent> sent) {
  std::lock_guard lock(tables_.mutex);
  const auto now = core::Now();
  for (const auto& report : sent) {
    const auto entry = tables_.outbox.find(report.row);
    if (entry == tables_.outbox.end()) continue;  // went with a publish or a delete meanwhile
    const auto letter = tables_.dead_letters.find(entry->second.dead_letter);
    if (letter != tables_.dead_letters.end()) letter->second.letter.position = report.position;
    if (!entry->second.record) {
      DocumentRow& document = tables_.documents.at(entry->second.document_id);
      tables_.RecordOrigin(document, {report.position, now, entry->second.version});
      document.updated_at = now;
    }
    tables_.EraseOutboxRow(report.row);
  }
  return {};
}

base::Status OutboxTable::Release(std::span<const std::int64_t> rows) {
  std::lock_guard lock(tables_.mutex);
  for (const auto row : rows) {
    const auto entry = tables_.outbox.find(row);
    if (entry != tables_.outbox.end()) entry->second.held_until = {};
  }
  return {};
}

base::Status OutboxTable::Requeue(core::DocumentId id, core::Version version) {
  std::lock_guard lock(tables_.mutex);
  const DocumentRow* document = tables_.Find(id);
  const bool waits = document != nullptr && !document->deleted() && version == document->version &&
                     version > document->indexed_version;
  if (!waits || tables_.HasUpload(id)) return {};
  tables_.AddUpload(id, version, core::Now());
  return {};
}

base::Result<core::OutboxBacklog> OutboxTable::Backlog() {
  std::lock_guard lock(tables_.mutex);
  core::OutboxBacklog backlog;
  backlog.rows = static_cast<std::int64_t>(tables_.outbox.size());
  if (!tables_.outbox.empty()) backlog.oldest = tables_.outbox.begin()->second.created_at;
  return backlog;
}

}  // namespace millrace::memory
