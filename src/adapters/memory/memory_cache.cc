#include "adapters/memory/memory_cache.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>

namespace millrace::memory {
namespace {

std::optional<std::vector<float>> Decode(const std::string& bytes, std::size_t dimensions) {
  if (bytes.size() != dimensions * sizeof(float)) return std::nullopt;
  std::vector<float> vector(dimensions);
  std::memcpy(vector.data(), bytes.data(), bytes.size());
  for (const float x : vector) {
    if (!std::isfinite(x)) return std::nullopt;
  }
  return vector;
}

}  // namespace

base::Status MemoryCache::Put(std::span<const core::CachedDocument> documents, base::Deadline) {
  std::lock_guard lock(mutex_);
  for (const core::CachedDocument& document : documents) {
    Mark& mark = marks_[document.id];
    if (mark.deleted ? mark.version >= document.version
                     : std::tie(mark.version, mark.revision) > std::tie(document.version, document.revision)) {
      continue;
    }
    mark = {document.version, document.revision, false, document.chunks};
    RemoveKeys(document.id, document.chunks);
    if (document.chunks == 0) continue;
    const std::size_t bytes = document.vectors.size() / static_cast<std::size_t>(document.chunks) * sizeof(float);
    const auto* data = reinterpret_cast<const char*>(document.vectors.data());
    for (std::int32_t chunk = 0; chunk < document.chunks; ++chunk) {
      values_[core::VectorKey(document.id, chunk)].assign(data + static_cast<std::size_t>(chunk) * bytes, bytes);
    }
  }
  return {};
}

base::Result<std::int64_t> MemoryCache::Remove(core::DocumentId id, core::Version deleted_version, base::Deadline) {
  std::lock_guard lock(mutex_);
  Mark& mark = marks_[id];
  if (!mark.deleted && mark.version > deleted_version) return std::int64_t{0};
  mark = {std::max(mark.version, deleted_version), 0, true, 0};
  return RemoveKeys(id, 0);
}

base::Result<std::int64_t> MemoryCache::Count(core::DocumentId id, base::Deadline) {
  std::lock_guard lock(mutex_);
  return std::count_if(values_.begin(), values_.end(),
                       [id](const auto& item) { return core::ParseVectorKey(item.first) == id; });
}

base::Result<std::vector<core::CachedVersion>> MemoryCache::Versions(std::span<const core::DocumentId> ids,
                                                                     base::Deadline) {
  std::lock_guard lock(mutex_);
  std::vector<core::CachedVersion> versions;
  for (const core::DocumentId id : ids) {
    core::CachedVersion& version = versions.emplace_back();
    const auto mark = marks_.find(id);
    if (mark == marks_.end() || mark->second.deleted) continue;
    const std::int32_t chunks = mark->second.chunks;
    if (chunks > 0 &&
        (!values_.contains(core::VectorKey(id, 0)) || !values_.contains(core::VectorKey(id, chunks - 1)))) {
      continue;
    }
    version = {mark->second.version, mark->second.revision};
  }
  return versions;
}

base::Result<std::vector<std::optional<std::vector<float>>>> MemoryCache::Read(std::span<const std::string> keys,
                                                                               std::size_t dimensions, base::Deadline) {
  std::lock_guard lock(mutex_);
  std::vector<std::optional<std::vector<float>>> vectors;
  for (const std::string& key : keys) {
    const auto found = values_.find(key);
    vectors.push_back(found == values_.end() ? std::nullopt : Decode(found->second, dimensions));
  }
  return vectors;
}

base::Result<core::VectorCache::Page> MemoryCache::ScanDocuments(std::uint64_t, base::Deadline) {
  std::lock_guard lock(mutex_);
  std::set<core::DocumentId> ids;
  for (const auto& [key, value] : values_) {
    if (const auto id = core::ParseVectorKey(key)) ids.insert(*id);
  }
  return Page{{ids.begin(), ids.end()}, 0};
}

base::Status MemoryCache::Probe(std::chrono::milliseconds) { return {}; }

void MemoryCache::Set(std::string key, std::string value) {
  std::lock_guard lock(mutex_);
  values_[std::move(key)] = std::move(value);
}

std::optional<std::string> MemoryCache::Get(const std::string& key) const {
  std::lock_guard lock(mutex_);
  const auto found = values_.find(key);
  return found == values_.end() ? std::nullopt : std::optional(found->second);
}

void MemoryCache::Unset(const std::string& key) {
  std::lock_guard lock(mutex_);
  values_.erase(key);
}

void MemoryCache::Clear() {
  std::lock_guard lock(mutex_);
  values_.clear();
  marks_.clear();
}

std::int64_t MemoryCache::RemoveKeys(core::DocumentId id, std::int32_t from) {
  std::string prefix = core::VectorKey(id, 0);
  prefix.pop_back();
  std::int64_t removed = 0;
  for (auto it = values_.lower_bound(prefix); it != values_.end() && it->first.starts_with(prefix);) {
    std::int32_t index = 0;
    std::from_chars(it->first.data() + prefix.size(), it->first.data() + it->first.size(), index);
    removed += index >= from ? 1 : 0;
    it = index >= from ? values_.erase(it) : std::next(it);
  }
  return removed;
}

}  // namespace millrace::memory
