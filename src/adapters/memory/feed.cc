#include <algorithm>

#include "adapters/memory/ports.h"

namespace millrace::memory {
namespace {

core::IndexEntry MakeEntry(const DocumentRow& row) {
  core::IndexEntry entry;
  entry.id = row.id;
  entry.revision = row.revision;
  const VersionChunks* chunks = row.indexed_chunks();
  if (chunks == nullptr) {
    entry.version = row.deleted_version;
    return entry;
  }
  entry.version = row.indexed_version;
  entry.present = true;
  const Body& body = row.newest_body();
  entry.title = body.title;
  entry.key = row.key;
  entry.metadata = body.metadata;
  for (const auto& [index, chunk] : chunks->rows) {
    entry.chunk_ids.push_back(chunk.id);
    entry.vectors.insert(entry.vectors.end(), chunk.vector.begin(), chunk.vector.end());
  }
  return entry;
}

}  // namespace

base::Result<std::vector<core::IndexEntry>> Feed::Load(std::span<const core::DocumentId> ids) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::IndexEntry> entries;
  entries.reserve(ids.size());
  for (const auto id : ids) {
    const DocumentRow* row = tables_.Find(id);
    if (row != nullptr) {
      entries.push_back(MakeEntry(*row));
    } else {
      entries.emplace_back().id = id;
    }
  }
  return entries;
}

base::Result<std::vector<core::IndexEntry>> Feed::Scan(core::DocumentId after, std::size_t max_chunks) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::IndexEntry> entries;
  std::size_t chunks = 0;
  for (auto it = tables_.documents.upper_bound(after); it != tables_.documents.end(); ++it) {
    if (it->second.indexed_chunks() == nullptr) continue;
    if (!entries.empty() && chunks >= max_chunks) break;
    entries.push_back(MakeEntry(it->second));
    chunks += entries.back().chunk_ids.size();
  }
  return entries;
}

base::Result<std::vector<core::IndexedVersion>> Feed::ListVersions(core::DocumentId after, std::size_t limit) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::IndexedVersion> versions;
  for (auto it = tables_.documents.upper_bound(after); it != tables_.documents.end() && versions.size() < limit; ++it) {
    const DocumentRow& row = it->second;
    if (row.indexed_chunks() != nullptr) versions.push_back({row.id, row.indexed_version, row.revision});
  }
  return versions;
}

}  // namespace millrace::memory
