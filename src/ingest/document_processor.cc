#include "ingest/document_processor.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "core/chunker.h"

namespace millrace::ingest {

using base::Code;
using base::Deadline;
using base::Error;
using core::Effects;
using core::WorkOrder;

namespace {

/// No single call to a port waits longer, so that a hung one is noticed and said; the attempt after it starts afresh.
constexpr auto kLongestCall = std::chrono::minutes(2);

/// A document's texts go to the model in slices: others get their turn between them, and a shutdown its chance.
constexpr std::size_t kTextsAtOnce = 32;

}  // namespace

/// One document on its way through. It is open until `result` says otherwise.
struct DocumentProcessor::Job {
  std::size_t index = 0;  // in the batch
  core::DocumentId id = 0;
  WorkOrder order;
  std::optional<std::string> content;  // when it travelled with the message
  Effects effects;                     // what the next Stage or Publish stores
  std::int64_t chunks = 0;             // staged and to come
  std::optional<core::DocumentError> failure;
  bool open = true;
  Processed result;

  void Finish(Processed::Kind kind, std::string reason = {}) {
    open = false;
    result = {kind, chunks, std::move(reason)};
  }
};

DocumentProcessor::DocumentProcessor(Ports ports, base::Metrics& metrics, const base::StopFlag& stop,
                                     std::function<void()> on_events)
    : ports_(ports),
      stop_(stop),
      on_events_(std::move(on_events)),
      chunks_indexed_(metrics.AddCounter("millrace_chunks_indexed_total", "Chunks committed to the store.")),
      documents_indexed_(metrics.AddCounter("millrace_documents_processed_total", "Document versions worked off.",
                                            {{"outcome", "indexed"}})),
      documents_failed_(metrics.AddCounter("millrace_documents_processed_total", "Document versions worked off.",
                                           {{"outcome", "failed"}})),
      dependency_waits_(
          metrics.AddCounter("millrace_dependency_waits_total",
                             "Times the pipeline waited because the store or the model was not available.")) {}

/// Runs `call` until it succeeds or fails for good. An outage is not the document's fault, so nothing is given up for
/// it: said once in the log, tried again with growing pauses until the process stops or the caller's deadline passes.
template <typename Call>
auto DocumentProcessor::Retrying(Deadline deadline, std::string_view what, Call call) {
  base::Backoff backoff(std::chrono::milliseconds(50), std::chrono::seconds(5));
  while (true) {
    auto result = call(Deadline::After(kLongestCall).EarlierOf(deadline));
    if (result || !base::IsRetryable(result.error().code) || deadline.expired() || stop_.stopping()) return result;
    if (backoff.first_try()) base::LogWarning("{} is not available, waiting: {}", what, result.error().message);
    dependency_waits_.Add();
    stop_.SleepUntil(Deadline::After(backoff.Next()).EarlierOf(deadline));
  }
}

std::vector<Processed> DocumentProcessor::Process(std::vector<Upload> batch, Deadline deadline) {
  std::vector<Processed> results(batch.size());
  std::vector<Job> jobs = Begin(batch, results, deadline);
  for (Job& job : jobs) {
    const base::Status prepared = Prepare(job, deadline);
    if (prepared || !job.open) continue;
    if (base::IsRetryable(prepared.error().code)) {
      job.Finish(Processed::Kind::kAbandoned, prepared.error().message);
    } else if (!job.failure) {
      job.failure = {std::string(base::CodeName(prepared.error().code)), prepared.error().message, "chunk"};
    }
  }
  EmbedTogether(jobs, deadline);
  PublishTogether(jobs, deadline);
  RecordFailures(jobs, deadline);
  on_events_();
  for (Job& job : jobs) results[job.index] = std::move(job.result);
  return results;
}

std::vector<DocumentProcessor::Job> DocumentProcessor::Begin(std::vector<Upload>& batch,
                                                             std::vector<Processed>& results, Deadline deadline) {
  std::vector<core::Work> works;
  works.reserve(batch.size());
  for (Upload& upload : batch) {
    // The store keeps a foreign record's content; the copy made here is what gets cut.
    if (upload.work.version == 0) upload.content = upload.work.content;
    works.push_back(std::move(upload.work));
  }
  auto orders = Retrying(deadline, "the store", [&](Deadline call) { return ports_.effects.Begin(works, call); });
  std::vector<Job> jobs;
  if (!orders) {
    for (Processed& result : results) result = {Processed::Kind::kAbandoned, 0, orders.error().message};
    return jobs;
  }
  on_events_();
  for (std::size_t i = 0; i < orders->size(); ++i) {
    WorkOrder& order = (*orders)[i];
    if (order.verdict == WorkOrder::Verdict::kRefused) {
      results[i] = {Processed::Kind::kRefused, 0, order.reason};
    } else if (order.verdict != WorkOrder::Verdict::kProcess) {
      results[i] = {Processed::Kind::kSkipped, 0, {}};
    } else {
      Job job;
      job.index = i;
      job.id = works[i].id;
      job.content = std::move(batch[i].content);
      job.effects.id = job.id;
      job.effects.version = order.version;
      job.chunks = order.staged_chunks;
      job.order = std::move(order);
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

base::Result<std::string> DocumentProcessor::ReadPart(const Job& job, std::int32_t part, Deadline deadline) {
  return Retrying(deadline, "the store",
                  [&](Deadline) { return ports_.contents.ReadPart(job.id, job.order.version, part); });
}

base::Status DocumentProcessor::Prepare(Job& job, Deadline deadline) {
  core::Chunker chunker(job.order.chunking, ports_.embedder.tokenizer());
  const auto take = [&](std::vector<core::ChunkDraft> drafts) -> base::Status {
    for (core::ChunkDraft& draft : drafts) {
      if (draft.index < job.order.staged_chunks) continue;  // a run that died has stored it already
      if (job.effects.chunks.size() == Effects::kMaxRows) RETURN_IF_ERROR(StageFull(job, deadline));
      if (!job.open) return {};
      job.effects.chunks.push_back(std::move(draft));
      ++job.chunks;
    }
    return {};
  };
  if (job.content) {
    const std::string content = std::move(*job.content);
    job.content.reset();
    RETURN_IF_ERROR(take(chunker.Feed(content, true)));
  } else {
    std::int64_t read = 0;
    for (std::int32_t number = 0; job.open && read < job.order.content_bytes; ++number) {
      auto next = ReadPart(job, number, deadline);
      if (!next) {
        if (!base::IsRetryable(next.error().code)) {
          job.failure = {"content_missing", "its content could not be read: " + next.error().message, "decode"};
        }
        return std::move(next).error();
      }
      read += static_cast<std::int64_t>(next->size());
      RETURN_IF_ERROR(take(chunker.Feed(*next, read >= job.order.content_bytes)));
    }
  }
  if (!job.open) return {};
  job.effects.warning = chunker.warning();
  job.effects.chunked_at = core::Now();
  if (job.chunks == 0) {
    job.failure = {"no_text", "there is no text in its content", "chunk"};
    return Error{Code::kInvalidArgument, job.failure->message, {}};
  }
  return {};
}

base::Result<std::vector<float>> DocumentProcessor::Embed(const std::vector<core::ChunkDraft>& chunks,
                                                          Deadline deadline) {
  std::vector<std::string_view> texts;
  texts.reserve(chunks.size());
  for (const core::ChunkDraft& chunk : chunks) texts.push_back(chunk.text);
  return EmbedTexts(texts, deadline);
}

base::Result<std::vector<float>> DocumentProcessor::EmbedTexts(std::span<const std::string_view> texts,
                                                               Deadline deadline) {
  std::vector<float> vectors;
  vectors.reserve(texts.size() * ports_.embedder.dimensions());
  while (!texts.empty()) {
    const auto slice = texts.first(std::min(texts.size(), kTextsAtOnce));
    ASSIGN_OR_RETURN(const auto embedded, Retrying(deadline, "the model", [&](Deadline call) {
                       return ports_.embedder.Embed(slice, core::Embedder::Priority::kIngest, call);
                     }));
    vectors.insert(vectors.end(), embedded.begin(), embedded.end());
    texts = texts.subspan(slice.size());
    if (!texts.empty() && stop_.stopping()) return Error{Code::kUnavailable, "the server is stopping", {}};
  }
  return vectors;
}

base::Status DocumentProcessor::StageFull(Job& job, Deadline deadline) {
  job.effects.chunked_at = core::Now();
  auto vectors = Embed(job.effects.chunks, deadline);
  if (!vectors) {
    if (!base::IsRetryable(vectors.error().code)) job.failure = {"embedding_failed", vectors.error().message, "embed"};
    return std::move(vectors).error();
  }
  job.effects.vectors = std::move(*vectors);
  job.effects.embedded_at = core::Now();
  auto staged = Retrying(deadline, "the store", [&](Deadline call) { return ports_.effects.Stage(job.effects, call); });
  if (!staged) {
    if (!base::IsRetryable(staged.error().code)) job.failure = {"store_failed", staged.error().message, "store"};
    return std::move(staged).error();
  }
  if (*staged == core::Applied::kFenced) job.Finish(Processed::Kind::kSkipped);
  job.effects.chunks.clear();
  job.effects.vectors.clear();
  // A long document must not hold up the shutdown: what is staged stays, the next run goes on from there.
  if (stop_.stopping()) return Error{Code::kUnavailable, "the server is stopping", {}};
  return {};
}

void DocumentProcessor::EmbedTogether(std::vector<Job>& jobs, Deadline deadline) {
  std::vector<Job*> waiting;
  std::vector<std::string_view> texts;
  for (Job& job : jobs) {
    if (!job.open || job.failure) continue;
    waiting.push_back(&job);
    for (const core::ChunkDraft& chunk : job.effects.chunks) texts.push_back(chunk.text);
  }
  if (waiting.empty()) return;
  const std::size_t dimensions = ports_.embedder.dimensions();
  auto together = EmbedTexts(texts, deadline);
  std::size_t first = 0;
  for (Job* job : waiting) {
    const std::size_t count = job->effects.chunks.size();
    if (together) {
      const auto begin = together->begin() + static_cast<std::ptrdiff_t>(first * dimensions);
      job->effects.vectors.assign(begin, begin + static_cast<std::ptrdiff_t>(count * dimensions));
    } else if (base::IsRetryable(together.error().code)) {
      job->Finish(Processed::Kind::kAbandoned, together.error().message);
    } else if (auto alone = Embed(job->effects.chunks, deadline);
               alone) {  // one bad text must fail its own document only
      job->effects.vectors = std::move(*alone);
    } else if (base::IsRetryable(alone.error().code)) {
      job->Finish(Processed::Kind::kAbandoned, alone.error().message);
    } else {
      job->failure = {"embedding_failed", alone.error().message, "embed"};
    }
    job->effects.embedded_at = core::Now();
    first += count;
  }
}

void DocumentProcessor::PublishTogether(std::vector<Job>& jobs, Deadline deadline) {
  std::vector<Job*> ready;
  std::vector<Effects> effects;
  for (Job& job : jobs) {
    if (!job.open || job.failure) continue;
    ready.push_back(&job);
    effects.push_back(std::move(job.effects));
  }
  if (ready.empty()) return;
  const auto settle = [&](std::size_t i, core::Applied applied) {
    Job& job = *ready[i];
    job.Finish(applied == core::Applied::kYes ? Processed::Kind::kIndexed : Processed::Kind::kSkipped);
    if (applied != core::Applied::kYes) return;
    documents_indexed_.Add();
    documents_rate_.Add(1);
    chunks_indexed_.Add(static_cast<double>(job.chunks));
    chunks_rate_.Add(static_cast<double>(job.chunks));
    if (ports_.cache != nullptr) TellCache(job, std::move(effects[i]));
  };
  auto together = Retrying(deadline, "the store", [&](Deadline call) { return ports_.effects.Publish(effects, call); });
  for (std::size_t i = 0; i < ready.size(); ++i) {
    if (together) {
      settle(i, (*together)[i]);
    } else if (base::IsRetryable(together.error().code)) {
      ready[i]->Finish(Processed::Kind::kAbandoned, together.error().message);
    } else {
      // A failed batch is run again document by document before anything is classed (DELIVERY §4).
      auto alone = Retrying(deadline, "the store", [&](Deadline call) {
        return ports_.effects.Publish({&effects[i], 1}, call);
      });
      if (alone) {
        settle(i, alone->front());
      } else if (base::IsRetryable(alone.error().code)) {
        ready[i]->Finish(Processed::Kind::kAbandoned, alone.error().message);
      } else {
        ready[i]->failure = {"store_failed", alone.error().message, "store"};
      }
    }
  }
}

void DocumentProcessor::TellCache(const Job& job, Effects effects) {
  core::CachedDocument document;  // revision 0: it was indexed for the first time
  document.id = job.id;
  document.version = effects.version;
  // A long document's staged part is in the store alone.
  if (const auto chunks = static_cast<std::int64_t>(effects.chunks.size()); chunks == job.chunks) {
    document.chunks = static_cast<std::int32_t>(chunks);
    document.vectors = std::move(effects.vectors);
  }
  ports_.cache->Stored(std::move(document));
}

void DocumentProcessor::RecordFailures(std::vector<Job>& jobs, Deadline deadline) {
  for (Job& job : jobs) {
    if (!job.open) continue;
    const core::Failure failure{job.id, job.order.version, *job.failure};
    auto applied = Retrying(deadline, "the store", [&](Deadline call) {
      return ports_.effects.Fail({&failure, 1}, call);
    });
    if (!applied) {
      // Not written down, so not done: its offset stays and it will be tried again.
      job.Finish(Processed::Kind::kAbandoned, applied.error().message);
    } else if (applied->front() == core::Applied::kFenced) {
      job.Finish(Processed::Kind::kSkipped);
    } else {
      documents_failed_.Add();
      documents_rate_.Add(1);
      base::LogWarning("document {} version {} failed at {}: {}", job.id, job.order.version, failure.error.stage,
                       failure.error.message);
      job.Finish(Processed::Kind::kFailed, failure.error.message);
    }
  }
}

}  // namespace millrace::ingest
