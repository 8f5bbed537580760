#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/rate_meter.h"
#include "base/signal.h"
#include "core/document_store.h"
#include "core/effect_store.h"
#include "core/embedder.h"
#include "core/store_admin.h"
#include "ingest/cache_keeper.h"
#include "ingest/failure_route.h"
#include "ingest/message_schemas.h"
#include "ingest/outages.h"
#include "ingest/run_gate.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {

/// What became of one upload.
struct Processed {
  enum class Kind {
    kIndexed,
    kSkipped,       // fenced: an equal or newer version is there, or the document is deleted
    kFailed,        // a synchronous run, and the document says why
    kRefused,       // a synchronous run of a version that this store never accepted
    kRetrying,      // a copy of its record is on its way to a retry topic
    kDeadLettered,  // a copy of its record is on its way to the dead letters
    kAbandoned,     // not finished: the process is stopping. Its offset must not be committed
  };
  Kind kind = Kind::kAbandoned;
  std::int64_t chunks = 0;
  std::string reason;
};

/// Uploads to committed chunks: fence, chunk, embed, store (DELIVERY §4). The consumers' workers and synchronous
/// requests both run it. While a dependency is down it waits and tries again; only StopFlag or the deadline ends that.
/// Thread-safe.
class DocumentProcessor {
 public:
  struct Ports {
    core::EffectStore& effects;
    core::ContentStore& contents;
    core::Embedder& embedder;
    CacheKeeper* cache = nullptr;       // told of what was committed, where there is a cache
    MessageSchemas* schemas = nullptr;  // asked about messages of others, where there is a registry
  };

  /// `worker` is this process's Instance::id. `on_events` is called after every transaction that wrote to the outbox.
  DocumentProcessor(Ports ports, std::string worker, FailureRoute route, base::Metrics& metrics,
                    const base::StopFlag& stop, std::function<void()> on_events);

  /// One result per upload, in order.
  std::vector<Processed> Process(std::vector<Upload> batch, base::Deadline deadline);

  /// Over the last 30 s: documents worked off, whatever the outcome, and chunks committed.
  double documents_per_second() const { return documents_rate_.per_second(); }
  double chunks_per_second() const { return chunks_rate_.per_second(); }

  /// What it waits for, as Outages::Describe.
  std::string outage() const { return outages_.Describe(); }

 private:
  struct Job;

  template <typename Call>
  auto Retrying(base::Deadline deadline, const char* what, Call call);

  void Run(std::span<Job> jobs, base::Deadline deadline);
  void RunAlone(Job& job, base::Deadline deadline);
  void CheckSchema(Job& job, base::Deadline deadline);
  void Begin(std::span<Job> jobs, base::Deadline deadline);
  void Sort(Job& job, core::WorkOrder order);
  base::Result<std::string> ReadPart(const Job& job, std::int32_t part, base::Deadline deadline);
  base::Result<std::vector<float>> Embed(const std::vector<core::ChunkDraft>& chunks, base::Deadline deadline);

  base::Result<std::vector<float>> EmbedTexts(std::span<const std::string_view> texts, base::Deadline deadline);

  /// Cuts, embeds and stages what does not fit one transaction; leaves the rest in `job.effects` for Publish.
  base::Status Prepare(Job& job, base::Deadline deadline);
  base::Status StageFull(Job& job, base::Deadline deadline);
  void EmbedTogether(std::span<Job> jobs, base::Deadline deadline);
  void PublishTogether(std::span<Job> jobs, base::Deadline deadline);
  void TellCache(const Job& job, core::Effects effects);
  void RecordFailures(std::span<Job> jobs, base::Deadline deadline);
  void RecordFailure(Job& job, base::Deadline deadline);
  base::Result<core::Applied> Write(const FailureRoute::Outcome& outcome, base::Deadline deadline);
  static std::string NameOf(const Job& job);
  void CountFailure(const Job& job, const FailureRoute::Outcome& outcome);
  void Abandon(std::span<const Job> jobs);

  Ports ports_;
  const std::string worker_;
  const FailureRoute route_;
  base::Metrics& metrics_;
  const base::StopFlag& stop_;
  std::function<void()> on_events_;
  RunGate gate_;
  Outages outages_;
  base::Counter& chunks_indexed_;
  base::Counter& documents_indexed_;
  base::Counter& documents_failed_;
  base::Counter& bad_messages_;
  base::Counter& dependency_waits_;
  base::RateMeter documents_rate_, chunks_rate_;
};

}  // namespace millrace::ingest
