#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/memory/memory_cache.h"
#include "core/index_feed.h"
#include "core/instances.h"
#include "unit/eventually.h"

namespace millrace::ingest {

inline base::Error Away(std::string what) { return {base::Code::kUnavailable, what + " is away", {}}; }

/// A cache in memory that can be away, hang until its deadline, or go away after some calls.
class FaultyCache final : public core::VectorCache {
 public:
  memory::MemoryCache inside;
  std::atomic<bool> down{false}, hangs{false};
  std::atomic<int> puts{0}, fails_after{-1};  // calls that still work; -1: all

  base::Status Put(std::span<const core::CachedDocument> documents, base::Deadline deadline) override {
    RETURN_IF_ERROR(Meet(deadline));
    puts += static_cast<int>(documents.size());
    return inside.Put(documents, deadline);
  }
  base::Result<std::int64_t> Remove(core::DocumentId id, core::Version version, base::Deadline deadline) override {
    RETURN_IF_ERROR(Meet(deadline));
    return inside.Remove(id, version, deadline);
  }
  base::Result<std::int64_t> Count(core::DocumentId id, base::Deadline deadline) override {
    RETURN_IF_ERROR(Meet(deadline));
    return inside.Count(id, deadline);
  }
  base::Result<std::vector<core::CachedVersion>> Versions(std::span<const core::DocumentId> ids,
                                                          base::Deadline deadline) override {
    RETURN_IF_ERROR(Meet(deadline));
    return inside.Versions(ids, deadline);
  }
  base::Result<std::vector<std::optional<std::vector<float>>>> Read(std::span<const std::string> keys,
                                                                    std::size_t dimensions,
                                                                    base::Deadline deadline) override {
    RETURN_IF_ERROR(Meet(deadline));
    return inside.Read(keys, dimensions, deadline);
  }
  base::Result<Page> ScanDocuments(std::uint64_t cursor, base::Deadline deadline) override {
    RETURN_IF_ERROR(Meet(deadline));
    return inside.ScanDocuments(cursor, deadline);
  }
  base::Status Probe(std::chrono::milliseconds timeout) override { return Meet(base::Deadline::After(timeout)); }

 private:
  base::Status Meet(base::Deadline deadline) {
    while (hangs && !deadline.expired()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (int none_left = 0; fails_after.compare_exchange_strong(none_left, -1)) down = true;
    if (fails_after > 0) --fails_after;
    if (down || hangs) return Away("the cache");
    return {};
  }
};

/// What the store holds.
class FakeFeed final : public core::IndexFeed {
 public:
  static constexpr std::size_t kDimensions = 2;
  std::atomic<bool> down{false};
  std::atomic<int> loads{0};
  std::atomic<core::DocumentId> damaged{0};

  void Index(core::DocumentId id, core::Version version, std::size_t chunks, core::Revision revision = 0) {
    std::lock_guard lock(mutex_);
    core::IndexEntry& entry = entries_[id] = {};
    entry.id = id;
    entry.version = version;
    entry.revision = revision;
    entry.present = true;
    entry.chunk_ids.resize(chunks, 1);
    entry.vectors.resize(chunks * kDimensions, static_cast<float>(version));
  }
  void Delete(core::DocumentId id) {
    std::lock_guard lock(mutex_);
    const core::Version version = entries_[id].version;
    entries_[id] = {};
    entries_[id].id = id;
    entries_[id].version = version;
  }

  base::Result<std::vector<core::IndexEntry>> Load(std::span<const core::DocumentId> ids) override {
    if (down) return Away("the store");
    std::lock_guard lock(mutex_);
    std::vector<core::IndexEntry> found;
    for (const auto id : ids) {
      if (id == damaged) return base::Error{base::Code::kCorrupt, "a vector is damaged", {}};
      const auto entry = entries_.find(id);
      found.push_back(entry == entries_.end() ? core::IndexEntry{} : entry->second);
      found.back().id = id;
    }
    loads += static_cast<int>(ids.size());
    return found;
  }
  base::Result<std::vector<core::IndexEntry>> Scan(core::DocumentId, std::size_t) override { return Away("the scan"); }
  base::Result<std::vector<core::IndexedVersion>> ListVersions(core::DocumentId after, std::size_t limit) override {
    if (down) return Away("the store");
    std::lock_guard lock(mutex_);
    std::vector<core::IndexedVersion> versions;
    for (auto it = entries_.upper_bound(after); it != entries_.end() && versions.size() < limit; ++it) {
      if (it->second.present) versions.push_back({it->first, it->second.version, it->second.revision});
    }
    return versions;
  }

 private:
  std::mutex mutex_;
  std::map<core::DocumentId, core::IndexEntry> entries_;
};

/// Leases that never expire.
class FakeInstances final : public core::Instances {
 public:
  base::Status Beat(const core::Instance&) override { return {}; }
  base::Status Leave(const std::string&) override { return {}; }
  base::Result<std::vector<core::Instance>> List() override { return std::vector<core::Instance>(); }
  base::Result<bool> Acquire(const std::string& name, const std::string& holder, std::chrono::milliseconds) override {
    std::lock_guard lock(mutex_);
    return leases_.emplace(name, holder).first->second == holder;
  }
  void Hand(const std::string& name, const std::string& holder) {
    std::lock_guard lock(mutex_);
    leases_[name] = holder;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> leases_;
};

}  // namespace millrace::ingest
