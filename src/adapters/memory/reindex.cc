#include <algorithm>
#include <limits>

#include "adapters/memory/ports.h"

namespace millrace::memory {
namespace {

bool Matches(const DocumentRow& row, const core::ReindexQuery& query) {
  if (!core::Takes(query, row.status)) return false;
  if (query.key_prefix && (!row.key || !row.key->starts_with(*query.key_prefix))) return false;
  return query.ids.empty() || std::find(query.ids.begin(), query.ids.end(), row.id) != query.ids.end();
}

}  // namespace

base::Result<std::int64_t> ReindexTable::Count(const core::ReindexQuery& query) {
  std::lock_guard lock(tables_.mutex);
  const auto end = tables_.documents.lower_bound(query.before.value_or(std::numeric_limits<core::DocumentId>::max()));
  return std::count_if(tables_.documents.begin(), end, [&](const auto& item) { return Matches(item.second, query); });
}

base::Result<core::ReindexBatch> ReindexTable::Reindex(const core::ReindexQuery& query, base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The documents were not queued in time."};
  std::lock_guard lock(tables_.mutex);
  const auto now = core::Now();
  core::ReindexBatch batch;
  const auto end = tables_.documents.lower_bound(query.before.value_or(std::numeric_limits<core::DocumentId>::max()));
  for (auto it = std::make_reverse_iterator(end); it != tables_.documents.rend(); ++it) {
    if (!Matches(it->second, query)) continue;
    if (batch.queued.size() == query.limit) {
      batch.cursor = batch.queued.back();
      break;
    }
    Queue(it->second, now);
    batch.queued.push_back(it->first);
  }
  return batch;
}

void ReindexTable::Queue(DocumentRow& document, core::Timestamp now) {
  if (document.version == document.indexed_version) {
    const bool is_copy = document.reindexed_version == document.version;
    if (document.origin && !is_copy) document.origin->timestamp -= core::kCopyIsOlder;
    Body body = document.newest_body();
    body.overtaken_at.reset();
    tables_.AddVersion(document, std::move(body), now);
    document.reindexed_version = document.version;
  } else {
    document.Requeue(now);
    tables_.AddEvent(document, document.version, document.status, now);
  }
  tables_.AddUpload(document.id, document.version, now);
}

}  // namespace millrace::memory
