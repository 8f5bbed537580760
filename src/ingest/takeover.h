#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/embedder.h"
#include "core/foreign_rows.h"
#include "core/instances.h"
#include "core/vector_cache.h"

namespace millrace::ingest {

/// Takes over what another program wrote into the database (DELIVERY §8): its chunks with the vectors it left in the
/// cache, embedding only those that are not there; documents that it lost are queued, those that it removed deleted.
/// Every few seconds (less often where looking takes long), in one process of all. What is decided is in the store, so
/// it goes on where another one stopped.
class Takeover {
 public:
  struct Ports {
    core::ForeignRows& rows;
    core::VectorCache& cache;
    core::Embedder& embedder;
    core::Instances& instances;
  };

  /// `holder` names this process in the lease `takeover`; `on_events` is called after transactions that wrote to the
  /// outbox.
  Takeover(Ports ports, std::string holder, base::Metrics& metrics, std::function<void()> on_events);
  ~Takeover();

  void Start();
  void Stop();

  /// One round, as Start()'s thread runs it. An error: the store, the cache or the model is away; nothing was guessed,
  /// the next round goes on.
  base::Status Round(core::Timestamp now);

 private:
  struct Job;
  /// What was taken over since it was said last.
  struct Progress {
    std::int64_t documents = 0, from_cache = 0, embedded = 0, queued = 0;
  };

  /// Decides on all documents that did not change since `settled`; on those without chunks only when asked to.
  /// What changes under our hands, or is refused, is passed over until the next round.
  base::Status Decide(core::Timestamp settled, bool and_lost);
  base::Status AdoptAll(std::vector<Job>& jobs);
  base::Status QueueAll(std::span<const core::DocumentId> lost);
  base::Status ReadVectors(std::vector<Job>& jobs);
  base::Status EmbedMissing(std::vector<Job>& jobs);
  /// Embeds what `jobs` lack, all together.
  base::Status Embed(std::span<Job> jobs);
  void Refuse(core::DocumentId id, const base::Error& error);
  /// Says which documents have rows that are left as they are, each once.
  base::Status ReportLeft();
  base::Status KeepLease();
  void Announce(std::size_t documents, bool and_more);
  void SayProgress();

  Ports ports_;
  const std::string holder_;
  std::function<void()> on_events_;
  base::Counter &adopted_, &chunks_from_cache_, &chunks_embedded_, &queued_, &deleted_, &refused_count_, &left_count_;
  std::set<core::DocumentId> refused_;   // for good, as long as this process lives
  std::set<core::DocumentId> changed_;   // under our hands: tried again, but not announced each time
  std::set<core::DocumentId> reported_;  // as left
  base::Deadline report_at_ = base::Deadline::Expired();
  Progress progress_;
  bool announced_ = false;
  base::Deadline::Clock::duration looked_{};  // how long the last round took, if it had nothing to decide
  base::Deadline say_at_ = base::Deadline::Expired();
  base::StopFlag stop_;
  std::thread thread_;
};

}  // namespace millrace::ingest
