#include "adapters/memory/float_index.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace millrace::memory {
namespace {

/// A removal of the version held counts, an equal version does not.
bool IsNews(const core::IndexEntry& entry, const core::IndexEntry* held) {
  if (held == nullptr) return entry.version > 0;
  const auto now = std::tie(entry.version, entry.revision), before = std::tie(held->version, held->revision);
  return entry.present ? now > before : now >= before;
}

float Dot(const float* a, const float* b, std::size_t count) {
  float sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

bool Better(const core::ScoredChunk& a, const core::ScoredChunk& b) {
  return a.score != b.score ? a.score > b.score : a.chunk_id < b.chunk_id;
}

}  // namespace

std::shared_ptr<const FloatIndex::Snapshot> FloatIndex::snapshot() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

base::Status FloatIndex::Apply(std::vector<core::IndexEntry> batch) {
  std::lock_guard writer(writer_mutex_);
  auto next = std::make_shared<Snapshot>(*snapshot());
  for (auto& entry : batch) {
    const std::size_t count = entry.chunk_ids.size();
    if (entry.present && count > 0) {
      const std::size_t dimensions = next->dimensions.value_or(entry.vectors.size() / count);
      if (dimensions == 0 || entry.vectors.size() != count * dimensions) {
        return {base::Code::kInvalidArgument,
                fmt::format("Document {}: {} floats for {} chunks.", entry.id, entry.vectors.size(), count)};
      }
      next->dimensions = dimensions;
    }
    auto& held = next->entries[entry.id];
    if (IsNews(entry, held.get())) held = std::make_shared<core::IndexEntry>(std::move(entry));
    if (held == nullptr) next->entries.erase(entry.id);
  }
  std::lock_guard lock(mutex_);
  snapshot_ = std::move(next);
  return {};
}

base::Result<std::vector<core::ScoredChunk>> FloatIndex::Search(const core::VectorQuery& query) const {
  const auto held = snapshot();
  std::vector<core::ScoredChunk> found;
  if (!held->dimensions) return found;
  const std::size_t dimensions = *held->dimensions;
  if (query.vector.size() != dimensions) {
    return {base::Code::kInvalidArgument,
            fmt::format("The query has {} dimensions, the index {}.", query.vector.size(), dimensions)};
  }
  for (const auto& [id, entry] : held->entries) {
    if (!entry->present) continue;
    if (query.filter && !core::Matches(*query.filter, id, entry->title, entry->key, entry->metadata)) continue;
    for (std::size_t i = 0; i < entry->chunk_ids.size(); ++i) {
      const float score = Dot(query.vector.data(), entry->vectors.data() + i * dimensions, dimensions);
      if (score >= query.min_score) found.push_back({entry->chunk_ids[i], id, score});
    }
  }
  const std::size_t count = std::min(query.top_k, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), found.end(), Better);
  found.resize(count);
  return found;
}

base::Result<core::IndexedVersion> FloatIndex::Find(core::DocumentId id) const {
  const auto held = snapshot();
  const auto found = held->entries.find(id);
  if (found == held->entries.end() || !found->second->present) return core::IndexedVersion{id, 0, 0};
  return core::IndexedVersion{id, found->second->version, found->second->revision};
}

base::Result<std::vector<core::IndexedVersion>> FloatIndex::ListVersions(core::DocumentId after,
                                                                         std::size_t limit) const {
  const auto held = snapshot();
  std::vector<core::IndexedVersion> versions;
  for (auto it = held->entries.upper_bound(after); it != held->entries.end() && versions.size() < limit; ++it) {
    const auto& [id, entry] = *it;
    if (entry->present) versions.push_back({id, entry->version, entry->revision});
  }
  return versions;
}

core::IndexSize FloatIndex::size() const {
  const auto held = snapshot();
  core::IndexSize size;
  for (const auto& [id, entry] : held->entries) {
    if (!entry->present) continue;
    ++size.documents;
    size.chunks += static_cast<std::int64_t>(entry->chunk_ids.size());
    size.bytes += static_cast<std::int64_t>(entry->vectors.size() * sizeof(float));
  }
  return size;
}

}  // namespace millrace::memory
