#include <algorithm>
#include <limits>

#include "adapters/memory/ports.h"
#include "base/utf8.h"
#include "core/log.h"
#include "core/sha256.h"

namespace millrace::memory {
namespace {

std::string LowerAscii(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

core::DocumentRecord MakeRecord(const DocumentRow& row) {
  core::DocumentRecord record;
  record.id = row.id;
  record.key = row.key;
  record.status = row.status;
  record.version = row.version;
  record.indexed_version = row.indexed_version;
  record.revision = row.revision;
  record.attempts = row.attempts;
  record.next_attempt_at = row.next_attempt_at;
  record.created_at = row.created_at;
  record.updated_at = row.updated_at;
  record.steps = row.steps;
  record.error = row.error;
  record.warning = row.warning;
  if (!row.deleted()) {
    const Body& body = row.newest_body();
    record.title = body.title;
    record.metadata = body.metadata;
    record.chunking = body.chunking;
    record.content_bytes = static_cast<std::int64_t>(body.content.size());
  }
  if (const auto* chunks = row.indexed_chunks()) record.chunk_count = static_cast<std::int64_t>(chunks->rows.size());
  if (row.origin && row.origin->version == row.version) record.position = row.origin->position;
  return record;
}

core::StoredChunk MakeChunk(const DocumentRow& document, core::Version version, const ChunkRow& row) {
  const Body& body = document.newest_body();
  return {row.id, document.id, version, row.chunk, body.title, document.key, body.metadata};
}

bool SameDocument(const Body& body, const core::NewDocument& document) {
  return body.title == document.title && body.content == document.content && body.metadata == document.metadata &&
         body.chunking == document.chunking;
}

bool HasFailed(core::DocumentStatus status) {
  return status == core::DocumentStatus::kFailed || status == core::DocumentStatus::kDeadLettered;
}

}  // namespace

base::Result<std::vector<core::Accepted>> Documents::Accept(std::span<const core::NewDocument> documents,
                                                            base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The documents were not accepted in time."};
  std::lock_guard lock(tables_.mutex);
  for (const auto& document : documents) {
    if (document.part && !tables_.requests.contains(document.part->request)) {
      return {base::Code::kConflict, "The request was not begun."};
    }
  }
  const auto now = core::Now();
  std::vector<core::Accepted> accepted;
  accepted.reserve(documents.size());
  for (const auto& document : documents) accepted.push_back(AcceptOnce(document, now));
  return accepted;
}

core::Accepted Documents::AcceptOnce(const core::NewDocument& document, core::Timestamp now) {
  if (!document.part) return AcceptOne(document, now);
  auto& known = tables_.requests.at(document.part->request).accepted;
  if (const auto before = known.find(document.part->line); before != known.end()) return before->second;
  return known[document.part->line] = AcceptOne(document, now);
}

core::Accepted Documents::AcceptOne(const core::NewDocument& document, core::Timestamp now) {
  const auto known = document.key ? tables_.keys.find(*document.key) : tables_.keys.end();
  const bool created = known == tables_.keys.end();
  const core::DocumentId id = created ? tables_.last_document_id + 1 : known->second;
  DocumentRow& row = tables_.documents[id];
  if (created) {
    tables_.last_document_id = row.id = id;
    row.key = document.key;
    row.created_at = now;
    if (row.key) tables_.keys.emplace(*row.key, id);
  } else if (SameDocument(row.newest_body(), document) && !HasFailed(row.status)) {
    return {id, row.version, core::AcceptKind::kUnchanged};
  }
  tables_.AddVersion(
      row,
      {document.title, document.content, core::Sha256Hex(document.content), document.metadata, document.chunking, {}},
      now);
  tables_.AddUpload(id, row.version, now, core::UploadDelay(document));
  if (created) return {id, row.version, core::AcceptKind::kCreated, now};
  return {id, row.version, core::AcceptKind::kUpdated};
}

base::Status Documents::Delete(core::DocumentId id, base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The document was not deleted in time."};
  std::lock_guard lock(tables_.mutex);
  DocumentRow* row = tables_.Find(id);
  if (row == nullptr || row->deleted()) return {base::Code::kNotFound, "No such document."};
  while (!row->chunks.empty()) tables_.EraseChunks(*row, row->chunks.begin()->first);
  row->bodies.clear();
  tables_.EraseOwed(id);
  tables_.EraseDeadLetters(id, 0, row->version);
  tables_.ForgetAnswers(id);
  if (row->key) tables_.keys.erase(*row->key);
  row->key.reset();
  row->status = core::DocumentStatus::kDeleted;
  row->deleted_version = row->version;
  row->indexed_version = 0;
  row->deleted_at = row->updated_at = core::Now();
  row->next_attempt_at.reset();
  row->mark = {};
  row->error.reset();
  row->warning.reset();
  tables_.AddEvent(*row, row->version, row->status, row->deleted_at);
  return {};
}

base::Result<core::DocumentRecord> Documents::Get(core::DocumentId id) {
  std::lock_guard lock(tables_.mutex);
  const DocumentRow* row = tables_.Find(id);
  if (row == nullptr || row->deleted()) return {base::Code::kNotFound, "No such document."};
  return MakeRecord(*row);
}

base::Result<std::vector<core::DocumentRecord>> Documents::List(const core::DocumentQuery& query) {
  const std::string wanted = LowerAscii(query.text.value_or(""));
  std::lock_guard lock(tables_.mutex);
  std::vector<core::DocumentRecord> records;
  const auto end = tables_.documents.lower_bound(query.before.value_or(std::numeric_limits<core::DocumentId>::max()));
  for (auto it = std::make_reverse_iterator(end); it != tables_.documents.rend() && records.size() < query.limit;
       ++it) {
    const DocumentRow& row = it->second;
    if (query.status ? row.status != *query.status : row.deleted()) continue;
    if (query.key && row.key != query.key) continue;
    core::DocumentRecord record = MakeRecord(row);
    const auto has = [&](const std::string& text) { return LowerAscii(text).find(wanted) != std::string::npos; };
    if (query.text && !has(record.title) && !has(record.key.value_or(""))) continue;
    records.push_back(std::move(record));
  }
  return records;
}

base::Result<std::vector<core::KeptVersion>> Documents::ListVersions(core::DocumentId id, core::Version before,
                                                                     std::size_t limit) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::KeptVersion> versions;
  const DocumentRow* row = tables_.Find(id);
  if (row == nullptr || row->deleted()) return versions;
  for (auto it = row->bodies.rbegin(); it != row->bodies.rend() && versions.size() < limit; ++it) {
    const auto& [version, body] = *it;
    if (version >= before) continue;
    versions.push_back({version, body.title, body.metadata, body.chunking,
                        static_cast<std::int64_t>(body.content.size()), version == row->indexed_version,
                        body.overtaken_at});
  }
  return versions;
}

base::Result<core::StoreCounts> Documents::Counts() {
  std::lock_guard lock(tables_.mutex);
  core::StoreCounts counts;
  for (const auto& [id, row] : tables_.documents) {
    ++counts.documents_by_status[static_cast<std::size_t>(row.status)];
    if (const auto* chunks = row.indexed_chunks()) counts.chunks += static_cast<std::int64_t>(chunks->rows.size());
  }
  return counts;
}

base::Result<std::string> Documents::ReadPart(core::DocumentId id, core::Version version, std::int32_t part) {
  std::lock_guard lock(tables_.mutex);
  const DocumentRow* row = tables_.Find(id);
  const auto body = row == nullptr ? std::map<core::Version, Body>::const_iterator() : row->bodies.find(version);
  if (row == nullptr || body == row->bodies.end()) return {base::Code::kNotFound, "The content has gone."};
  const std::string& content = body->second.content;
  std::size_t begin = 0;
  for (std::int32_t at = 0; begin < content.size(); ++at) {
    const std::size_t bound = begin + kContentPartBytes;
    const std::size_t end = bound >= content.size() ? content.size() : base::FloorToCodePoint(content, bound);
    if (at == part) return content.substr(begin, end - begin);
    begin = end;
  }
  return {base::Code::kNotFound, "The content has no such part."};
}

base::Result<std::vector<core::StoredChunk>> Documents::Hydrate(std::span<const core::ChunkId> ids) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::StoredChunk> chunks;
  for (const auto id : ids) {
    const auto found = tables_.chunk_places.find(id);
    if (found == tables_.chunk_places.end()) continue;
    const ChunkPlace& place = found->second;
    const DocumentRow& row = tables_.documents.at(place.document_id);
    if (place.version > row.indexed_version) continue;  // staged
    chunks.push_back(MakeChunk(row, place.version, row.chunks.at(place.version).rows.at(place.index)));
  }
  return chunks;
}

base::Result<std::vector<core::StoredChunk>> Documents::ListChunks(core::DocumentId id, std::int32_t first,
                                                                   std::size_t limit) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::StoredChunk> chunks;
  const DocumentRow* row = tables_.Find(id);
  const VersionChunks* indexed = row == nullptr ? nullptr : row->indexed_chunks();
  if (indexed == nullptr) return chunks;
  for (auto it = indexed->rows.lower_bound(first); it != indexed->rows.end() && chunks.size() < limit; ++it) {
    chunks.push_back(MakeChunk(*row, row->indexed_version, it->second));
  }
  return chunks;
}

}  // namespace millrace::memory
