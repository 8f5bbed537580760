#include "ingest/cache_keeper.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace millrace::ingest {

using base::Code;
using base::Deadline;
using base::Error;
using core::CachedDocument;
using core::DocumentId;

namespace {

constexpr auto kCallTimeout = std::chrono::seconds(10);
constexpr auto kProbeTimeout = std::chrono::seconds(1);
constexpr auto kLease = std::chrono::milliseconds(30'000);
constexpr std::size_t kIdsAtOnce = 16;         // read from the store by the writer
constexpr std::size_t kBytesAtOnce = 1 << 20;  // written at once
constexpr std::size_t kMaxIds = 100'000;       // that wait for the writer
constexpr std::size_t kVersionsPage = 1000;
constexpr std::int64_t kChunksAtOnce = 512;  // read from the store at once, about
constexpr int kScanPages = 50;               // of keys looked at in one comparison

/// No document has this id. Its entry says that the cache was filled since it was last empty: looking for it is how a
/// flush is noticed without comparing everything.
constexpr DocumentId kFilledMark = 0;

Deadline CallDeadline() { return Deadline::After(kCallTimeout); }

std::size_t BytesOf(const CachedDocument& document) { return document.vectors.size() * sizeof(float); }

}  // namespace

CacheKeeper::CacheKeeper(Ports ports, std::string holder, base::Metrics& metrics)
    : CacheKeeper(ports, std::move(holder), metrics, Options()) {}

CacheKeeper::CacheKeeper(Ports ports, std::string holder, base::Metrics& metrics, Options options)
    : ports_(ports),
      holder_(std::move(holder)),
      options_(options),
      written_(metrics.AddCounter("millrace_cache_documents_written_total", "Documents written to the cache.")),
      reconciled_(metrics.AddCounter("millrace_cache_documents_reconciled_total",
                                     "Documents that the cache lacked when it was compared with the store.")),
      removed_(
          metrics.AddCounter("millrace_cache_documents_removed_total", "Deleted documents removed from the cache.")),
      deferred_(metrics.AddCounter("millrace_cache_documents_deferred_total",
                                   "Documents left to the next comparison because too many waited.")),
      failures_(metrics.AddCounter("millrace_cache_failures_total", "Calls to the cache that failed.")) {}

CacheKeeper::~CacheKeeper() { Stop(Deadline::Expired()); }

void CacheKeeper::Start() {
  writer_ = std::thread([this] { WriteQueued(); });
  watcher_ = std::thread([this] { Watch(); });
}

void CacheKeeper::Stop(Deadline deadline) {
  drain_until_ = deadline.when();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  stop_.Stop();
  if (writer_.joinable()) writer_.join();
  if (watcher_.joinable()) watcher_.join();
}

void CacheKeeper::Stored(CachedDocument document) {
  std::lock_guard lock(mutex_);
  const std::size_t bytes = BytesOf(document);
  const bool full = bytes == 0 ? ids_.size() >= kMaxIds : document_bytes_ + bytes > options_.queue_bytes;
  if (full || stopping_) {
    deferred_.Add();
    return;
  }
  if (bytes == 0) {
    ids_.push_back(document.id);
    ++tickets_;
  } else {
    document_bytes_ += bytes;
    documents_.push_back(std::move(document));
  }
  changed_.notify_all();
}

void CacheKeeper::Removed(DocumentId id) {
  std::unique_lock lock(mutex_);
  if (ids_.size() >= kMaxIds || stopping_) {
    deferred_.Add();
    return;
  }
  ids_.push_back(id);
  const std::uint64_t ticket = ++tickets_;
  changed_.notify_all();
  changed_.wait_for(lock, options_.removal_wait, [&] { return settled_ >= ticket || !up_ || stopping_; });
}

std::optional<CacheKeeper::Batch> CacheKeeper::NextBatch() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || !ids_.empty() || !documents_.empty(); });
  const bool late = stopping_ && Deadline::Clock::now() >= drain_until_.load();
  if (late || (ids_.empty() && documents_.empty())) return std::nullopt;
  Batch batch;
  while (!ids_.empty() && batch.ids.size() < kIdsAtOnce) {
    batch.ids.push_back(ids_.front());
    ids_.pop_front();
  }
  batch.last_ticket = tickets_ - ids_.size();
  for (std::size_t bytes = 0; !documents_.empty() && bytes < kBytesAtOnce;) {
    bytes += BytesOf(documents_.front());
    batch.documents.push_back(std::move(documents_.front()));
    documents_.pop_front();
    document_bytes_ -= BytesOf(batch.documents.back());
  }
  return batch;
}

void CacheKeeper::WriteQueued() {
  base::Backoff backoff(std::chrono::milliseconds(50), std::chrono::milliseconds(2000));
  while (const auto batch = NextBatch()) {
    for (base::Status written = Write(*batch); !written; written = Write(*batch)) {
      // An outage of the cache has been said; this is one of the store, or worse.
      if (up_ && backoff.first_try()) base::LogWarning("the cache is behind the store: {}", written.error().message);
      if (!base::IsRetryable(written.error().code)) break;
      if (stop_.SleepUntil(Deadline::After(backoff.Next()))) return;
    }
    backoff.Reset();
    std::lock_guard lock(mutex_);
    settled_ = batch->last_ticket;
    changed_.notify_all();
  }
}

base::Status CacheKeeper::Write(const Batch& batch) {
  ASSIGN_OR_RETURN([[maybe_unused]] const Changes changes, Refresh(batch.ids));
  return Put(batch.documents);
}

base::Status CacheKeeper::Put(std::span<const CachedDocument> documents) {
  if (documents.empty()) return {};
  RETURN_IF_ERROR(Note(ports_.cache.Put(documents, CallDeadline())));
  written_.Add(static_cast<double>(documents.size()));
  return {};
}

base::Result<CacheKeeper::Changes> CacheKeeper::Refresh(std::span<const DocumentId> ids) {
  Changes changes;
  if (ids.empty()) return changes;
  ASSIGN_OR_RETURN(auto entries, ports_.feed.Load(ids));
  std::vector<CachedDocument> present;
  for (core::IndexEntry& entry : entries) {
    if (entry.present) {
      const auto chunks = static_cast<std::int32_t>(entry.chunk_ids.size());
      changes.chunks += chunks;
      present.push_back({entry.id, entry.version, entry.revision, chunks, std::move(entry.vectors)});
    } else if (entry.version > 0) {  // of version 0 the store knows nothing: its keys may be another program's
      ASSIGN_OR_RETURN(const auto keys, Note(ports_.cache.Remove(entry.id, entry.version, CallDeadline())));
      if (keys > 0) ++changes.removed;
    }
  }
  removed_.Add(static_cast<double>(changes.removed));
  RETURN_IF_ERROR(Put(present));
  changes.written = static_cast<std::int64_t>(present.size());
  return changes;
}

base::Result<CacheKeeper::Changes> CacheKeeper::RefreshAll(std::span<const DocumentId> ids) {
  Changes all;
  // One first: how long they are shows only then, and what is read at once should fit in memory.
  for (std::size_t count = 1; !ids.empty();) {
    if (stop_.stopping()) return Error{Code::kUnavailable, "the process is stopping", {}};
    const auto some = ids.first(std::min(count, ids.size()));
    const auto refreshed = Refresh(some);
    if (!refreshed) {
      if (base::IsRetryable(refreshed.error().code)) return refreshed.error();
      // One damaged document must not keep the others out: found one by one, and passed over.
      count = 1;
      if (some.size() > 1) continue;
      base::LogError("document {} cannot be written to the cache: {}", some.front(), refreshed.error().message);
      ids = ids.subspan(1);
      continue;
    }
    const Changes& changes = *refreshed;
    all.written += changes.written;
    all.removed += changes.removed;
    const auto chunks_each = changes.chunks / static_cast<std::int64_t>(some.size()) + 1;
    count = static_cast<std::size_t>(std::clamp<std::int64_t>(kChunksAtOnce / chunks_each, 1, 64));
    ids = ids.subspan(some.size());
  }
  return all;
}

base::Result<CacheKeeper::Changes> CacheKeeper::PutMissing(std::vector<DocumentId>& indexed) {
  Changes all;
  for (DocumentId after = 0;; after = indexed.back()) {
    ASSIGN_OR_RETURN(const auto page, ports_.feed.ListVersions(after, kVersionsPage));
    if (page.empty()) return all;
    const std::size_t first = indexed.size();
    for (const core::IndexedVersion& document : page) indexed.push_back(document.id);
    ASSIGN_OR_RETURN(const auto cached, Note(ports_.cache.Versions(std::span(indexed).subspan(first), CallDeadline())));
    std::vector<DocumentId> lacking;
    for (std::size_t i = 0; i < page.size(); ++i) {
      if (std::tie(cached[i].version, cached[i].revision) < std::tie(page[i].version, page[i].revision)) {
        lacking.push_back(page[i].id);
      }
    }
    ASSIGN_OR_RETURN(const Changes changes, RefreshAll(lacking));
    all.written += changes.written;
    all.removed += changes.removed;
    RETURN_IF_ERROR(KeepLease());
  }
}

base::Result<CacheKeeper::Changes> CacheKeeper::RemoveDeleted(const std::vector<DocumentId>& indexed) {
  Changes all;
  for (int page = 0; page < kScanPages; ++page) {
    ASSIGN_OR_RETURN(const auto found, Note(ports_.cache.ScanDocuments(scan_cursor_, CallDeadline())));
    std::vector<DocumentId> others;
    for (const DocumentId id : found.ids) {
      if (!std::binary_search(indexed.begin(), indexed.end(), id)) others.push_back(id);
    }
    ASSIGN_OR_RETURN(const Changes changes, RefreshAll(others));
    all.written += changes.written;
    all.removed += changes.removed;
    scan_cursor_ = found.cursor;
    if (scan_cursor_ == 0) break;
  }
  return all;
}

base::Status CacheKeeper::Reconcile() {
  std::vector<DocumentId> indexed;
  ASSIGN_OR_RETURN(const Changes missing, PutMissing(indexed));
  ASSIGN_OR_RETURN(const Changes deleted, RemoveDeleted(indexed));
  RETURN_IF_ERROR(KeepLease());
  const CachedDocument filled{kFilledMark, 1, 0, 0, {}};
  RETURN_IF_ERROR(Note(ports_.cache.Put({&filled, 1}, CallDeadline())));
  const auto written = missing.written + deleted.written, removed = missing.removed + deleted.removed;
  reconciled_.Add(static_cast<double>(written));
  if (written + removed > 0) {
    base::LogInfo("the cache was compared with the store: {} documents written, {} removed", written, removed);
  }
  return {};
}

base::Result<bool> CacheKeeper::IsFilled() {
  ASSIGN_OR_RETURN(const auto versions, Note(ports_.cache.Versions({&kFilledMark, 1}, CallDeadline())));
  return versions.front().version > 0;
}

base::Status CacheKeeper::KeepLease() {
  ASSIGN_OR_RETURN(const bool ours, ports_.instances.Acquire("cache", holder_, kLease));
  if (!ours) return Error{Code::kConflict, "another process compares the cache with the store", {}};
  return {};
}

void CacheKeeper::Watch() {
  auto due = Deadline::Expired();
  bool said = false;
  do {
    if (!Note(ports_.cache.Probe(kProbeTimeout))) {
      due = Deadline::Expired();  // what it missed is not to wait for the interval
      continue;
    }
    if (!KeepLease()) continue;
    const auto filled = IsFilled();
    if (!filled || (*filled && !due.expired())) continue;
    const auto started = Deadline::Clock::now();
    const base::Status done = Reconcile();
    if (done) {
      // Never more than a tenth of the time, however many documents there are.
      due = Deadline::After(
          std::max<Deadline::Clock::duration>(options_.interval, 10 * (Deadline::Clock::now() - started)));
    } else if (!said && up_ && !stop_.stopping()) {
      base::LogWarning("comparing the cache with the store is put off: {}", done.error().message);
    }
    said = !done;
  } while (!stop_.SleepUntil(Deadline::After(options_.look)));
}

template <typename T>
base::Result<T> CacheKeeper::Note(base::Result<T> result) {
  NoteAnswer(result ? nullptr : &result.error());
  return result;
}

void CacheKeeper::NoteAnswer(const Error* error) {
  std::lock_guard answer(answer_mutex_);
  if (error != nullptr) failures_.Add();
  if (up_.exchange(error == nullptr) == (error == nullptr)) return;
  if (error == nullptr) {
    base::LogInfo("the cache answers again");
    return;
  }
  base::LogWarning("the cache is not available; what it misses is written when it is back: {}", error->message);
  std::lock_guard lock(mutex_);  // deletes stop waiting for it
  changed_.notify_all();
}

}  // namespace millrace::ingest
