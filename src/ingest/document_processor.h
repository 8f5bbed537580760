#pragma once

#include <functional>
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
#include "ingest/cache_keeper.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {

/// What became of one upload.
struct Processed {
  enum class Kind {
    kIndexed,
    kSkipped,    // fenced: an equal or newer version is there, or the document is deleted
    kFailed,     // and the document says why
    kRefused,    // a bad message; there is no document to tell it
    kAbandoned,  // not finished: the process is stopping. Its offset must not be committed
  };
  Kind kind = Kind::kAbandoned;
  std::int64_t chunks = 0;
  std::string reason;
};

/// Uploads to committed chunks: fence, chunk, embed, store (DELIVERY §4). The consumer's workers and synchronous
/// requests both run it. While a dependency is down it waits and tries again; only StopFlag or the deadline ends that.
/// Thread-safe.
class DocumentProcessor {
 public:
  struct Ports {
    core::EffectStore& effects;
    core::ContentStore& contents;
    core::Embedder& embedder;
    CacheKeeper* cache = nullptr;  // told of what was committed, where there is a cache
  };

  /// `on_events` is called after every transaction that wrote to the outbox.
  DocumentProcessor(Ports ports, base::Metrics& metrics, const base::StopFlag& stop, std::function<void()> on_events);

  /// One result per upload, in order.
  std::vector<Processed> Process(std::vector<Upload> batch, base::Deadline deadline);

  /// Over the last 30 s: documents worked off, whatever the outcome, and chunks committed.
  double documents_per_second() const { return documents_rate_.per_second(); }
  double chunks_per_second() const { return chunks_rate_.per_second(); }

 private:
  struct Job;

  template <typename Call>
  auto Retrying(base::Deadline deadline, std::string_view what, Call call);

  std::vector<Job> Begin(std::vector<Upload>& batch, std::vector<Processed>& results, base::Deadline deadline);
  base::Result<std::string> ReadPart(const Job& job, std::int32_t part, base::Deadline deadline);
  base::Result<std::vector<float>> Embed(const std::vector<core::ChunkDraft>& chunks, base::Deadline deadline);

  base::Result<std::vector<float>> EmbedTexts(std::span<const std::string_view> texts, base::Deadline deadline);

  /// Cuts, embeds and stages what does not fit one transaction; leaves the rest in `job.effects` for Publish.
  base::Status Prepare(Job& job, base::Deadline deadline);
  base::Status StageFull(Job& job, base::Deadline deadline);
  void EmbedTogether(std::vector<Job>& jobs, base::Deadline deadline);
  void PublishTogether(std::vector<Job>& jobs, base::Deadline deadline);
  void TellCache(const Job& job, core::Effects effects);
  void RecordFailures(std::vector<Job>& jobs, base::Deadline deadline);

  Ports ports_;
  const base::StopFlag& stop_;
  std::function<void()> on_events_;
  base::Counter& chunks_indexed_;
  base::Counter& documents_indexed_;
  base::Counter& documents_failed_;
  base::Counter& dependency_waits_;
  base::RateMeter documents_rate_, chunks_rate_;
};

}  // namespace millrace::ingest
