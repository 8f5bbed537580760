#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/index_feed.h"
#include "core/instances.h"
#include "core/vector_cache.h"

namespace millrace::ingest {

/// Keeps the cache equal to the store without ever being in the way: what was committed is written by a thread of its
/// own, and whatever is missed (an outage, a full queue, a crash, a flushed cache) is found by comparing with the store
/// every 30 s, by one process of all. Thread-safe.
class CacheKeeper {
 public:
  struct Ports {
    core::VectorCache& cache;
    core::IndexFeed& feed;
    core::Instances& instances;
  };
  struct Options {
    std::chrono::milliseconds look{5'000};            // between two looks at whether the cache is there and filled
    std::chrono::milliseconds interval{30'000};       // between two comparisons with the store
    std::chrono::milliseconds removal_wait{500};      // how long a delete is held up at most
    std::size_t queue_bytes = std::size_t{64} << 20;  // of vectors that wait to be written
  };

  /// `holder` names this process in the lease `cache`.
  CacheKeeper(Ports ports, std::string holder, base::Metrics& metrics);
  CacheKeeper(Ports ports, std::string holder, base::Metrics& metrics, Options options);
  ~CacheKeeper();

  void Start();
  /// Writes what waits until the deadline, then ends the threads. The rest is found by comparing.
  void Stop(base::Deadline deadline);

  /// This version was committed. Without vectors they are read from the store. Never waits.
  void Stored(core::CachedDocument document);

  /// This document was deleted in the store. Its keys are gone when this returns, or go later when the cache does not
  /// answer within `removal_wait`.
  void Removed(core::DocumentId id);

  /// Whether the cache answered last.
  bool up() const { return up_; }

  /// One comparison, as Start()'s thread runs it: puts what the cache lacks, removes what was deleted.
  base::Status Reconcile();

 private:
  struct Batch {
    std::vector<core::DocumentId> ids;  // to be read from the store
    std::vector<core::CachedDocument> documents;
    std::uint64_t last_ticket = 0;  // of `ids`
  };

  void WriteQueued();
  void Watch();
  /// Waits for something to do; empty when the process stops and nothing is left to write.
  std::optional<Batch> NextBatch();
  base::Status Write(const Batch& batch);

  base::Status Put(std::span<const core::CachedDocument> documents);
  /// Makes the cache hold of these documents what the store holds. How many were written and removed.
  struct Changes {
    std::int64_t written = 0, removed = 0, chunks = 0;
  };
  base::Result<Changes> Refresh(std::span<const core::DocumentId> ids);
  /// The same for many, a few at a time.
  base::Result<Changes> RefreshAll(std::span<const core::DocumentId> ids);
  /// Adds what the cache lacks; every indexed document, ascending, ends up in `indexed`.
  base::Result<Changes> PutMissing(std::vector<core::DocumentId>& indexed);
  base::Result<Changes> RemoveDeleted(const std::vector<core::DocumentId>& indexed);
  base::Result<bool> IsFilled();
  base::Status KeepLease();

  /// Passes on the result of a call to the cache and notes whether the cache is there.
  template <typename T>
  base::Result<T> Note(base::Result<T> result);
  void NoteAnswer(const base::Error* error);

  Ports ports_;
  const std::string holder_;
  const Options options_;
  base::Counter &written_, &reconciled_, &removed_, &deferred_, &failures_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<core::CachedDocument> documents_;
  std::size_t document_bytes_ = 0;
  std::deque<core::DocumentId> ids_;
  std::uint64_t tickets_ = 0, settled_ = 0;  // of ids given to the writer, and of those done
  bool stopping_ = false;

  std::mutex answer_mutex_;
  std::atomic<bool> up_{true};
  std::uint64_t scan_cursor_ = 0;
  std::atomic<base::Deadline::Clock::time_point> drain_until_{base::Deadline::Clock::time_point::max()};
  base::StopFlag stop_;
  std::thread writer_, watcher_;
};

}  // namespace millrace::ingest
