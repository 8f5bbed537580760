#include "ingest/document_processor.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "core/chunker.h"
#include "ingest/failure_class.h"

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

/// How often a document is asked for that another process runs alone.
constexpr auto kAskAgain = std::chrono::seconds(1);

constexpr auto kAbandonPatience = std::chrono::seconds(5);

base::Counter& CountOutcome(base::Metrics& metrics, const char* outcome) {
  return metrics.AddCounter("millrace_documents_processed_total", "Runs of document versions that came to an end.",
                            {{"outcome", outcome}});
}

}  // namespace

/// One document on its way through. It is open until `result` says otherwise.
struct DocumentProcessor::Job {
  Upload upload;
  WorkOrder order;
  core::Version version = 0;  // the one in work; 0: the record became none
  bool begun = false;         // the fence let it pass, and the store knows that this process works on it
  Effects effects;            // what the next Stage or Publish stores
  std::int64_t chunks = 0;    // staged and to come
  std::optional<Failed> failure;
  bool open = true;
  Processed result;

  core::DocumentId id() const { return upload.work.id; }
  bool in_work() const { return open && begun && !failure; }

  void Finish(Processed::Kind kind, std::string reason = {}) {
    open = false;
    result = {kind, chunks, std::move(reason)};
  }
  /// Leaves the document when nothing can be done at the moment, else notes why it failed.
  void Fail(const Error& error, std::string_view code, std::string_view stage) {
    const FailureClass failure_class = Classify(error.code, stage);
    if (failure_class == FailureClass::kOutage) {
      Finish(Processed::Kind::kAbandoned, error.message);
    } else {
      failure = Failed{{std::string(code), error.message, std::string(stage)}, failure_class};
    }
  }
};

DocumentProcessor::DocumentProcessor(Ports ports, std::string worker, FailureRoute route, base::Metrics& metrics,
                                     const base::StopFlag& stop, std::function<void()> on_events)
    : ports_(ports),
      worker_(std::move(worker)),
      route_(std::move(route)),
      metrics_(metrics),
      stop_(stop),
      on_events_(std::move(on_events)),
      outages_(metrics),
      chunks_indexed_(metrics.AddCounter("millrace_chunks_indexed_total", "Chunks committed to the store.")),
      documents_indexed_(CountOutcome(metrics, "indexed")),
      documents_failed_(CountOutcome(metrics, "failed")),
      bad_messages_(metrics.AddCounter("millrace_bad_messages_total",
                                       "Records of document-uploads that name no document or hold no content.")),
      dependency_waits_(
          metrics.AddCounter("millrace_dependency_waits_total",
                             "Times the pipeline waited because the store or the model was not available.")) {}

/// Runs `call` until it succeeds or fails for good. An outage is not the document's fault, so nothing is given up for
/// it: tried again with growing pauses until the process stops or the caller's deadline passes. It is said once it
/// lasts: a lock that a second try gets is none.
template <typename Call>
auto DocumentProcessor::Retrying(Deadline deadline, const char* what, Call call) {
  base::Backoff backoff(std::chrono::milliseconds(50), std::chrono::seconds(5));
  bool waits = false;
  while (true) {
    auto result = call(Deadline::After(kLongestCall).EarlierOf(deadline));
    const bool is_outage = !result && Classify(result.error().code, {}) == FailureClass::kOutage;
    if (!is_outage || deadline.expired() || stop_.stopping()) {
      if (waits) outages_.End(what, !is_outage);
      return result;
    }
    if (!backoff.first_try() && !waits) {
      waits = true;
      outages_.Begin(what, result.error().message);
    }
    dependency_waits_.Add();
    stop_.SleepUntil(Deadline::After(backoff.Next()).EarlierOf(deadline));
  }
}

std::vector<Processed> DocumentProcessor::Process(std::vector<Upload> batch, Deadline deadline) {
  std::vector<Job> jobs(batch.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].upload = std::move(batch[i]);
    CheckSchema(jobs[i], deadline);
    if (const auto& bad = jobs[i].upload.bad; bad && jobs[i].open && !jobs[i].failure) {
      jobs[i].failure = Failed{*bad, Classify(Code::kInvalidArgument, bad->stage)};
    }
  }
  if (const RunGate::Pass pass(gate_, false, deadline); pass) {
    Run(jobs, deadline);
  } else {
    for (Job& job : jobs) job.Finish(Processed::Kind::kAbandoned, "another document has the process to itself");
  }
  for (Job& job : jobs) {
    if (job.open) RunAlone(job, deadline);
  }
  Abandon(jobs);
  on_events_();
  std::vector<Processed> results;
  for (Job& job : jobs) results.push_back(std::move(job.result));
  return results;
}

/// Millrace's own records are taken as they are.
void DocumentProcessor::CheckSchema(Job& job, Deadline deadline) {
  if (ports_.schemas == nullptr || !job.upload.record || job.upload.trace.version > 0) return;
  const base::Status checked = Retrying(deadline, "the schema registry", [&](Deadline call) {
    return ports_.schemas->Check(*job.upload.record, job.upload.trace.dead_letter > 0, call);
  });
  if (checked) return;
  const bool unknown = checked.error().code == Code::kNotFound;
  job.Fail(checked.error(), unknown ? "unknown_schema" : "incompatible_schema", "decode");
}

void DocumentProcessor::Run(std::span<Job> jobs, Deadline deadline) {
  Begin(jobs, deadline);
  for (Job& job : jobs) {
    if (!job.in_work()) continue;
    const base::Status prepared = Prepare(job, deadline);
    if (!prepared && job.in_work()) job.Fail(prepared.error(), base::CodeName(prepared.error().code), "chunk");
  }
  EmbedTogether(jobs, deadline);
  PublishTogether(jobs, deadline);
  RecordFailures(jobs, deadline);
}

/// A document that another process began and did not end (DELIVERY §4). Nothing else runs here meanwhile, so that a
/// crash tells who is to blame.
void DocumentProcessor::RunAlone(Job& job, Deadline deadline) {
  job.upload.work.alone = true;
  while (job.open) {
    if (stop_.stopping() || deadline.expired()) {
      job.Finish(Processed::Kind::kAbandoned, "it is to be run alone, for which there is no time");
      return;
    }
    if (const RunGate::Pass pass(gate_, true, deadline); pass) Run({&job, 1}, deadline);
    // Another process runs it alone: until it is done, or given up for dead.
    if (job.open) stop_.SleepUntil(Deadline::After(kAskAgain).EarlierOf(deadline));
  }
}

void DocumentProcessor::Begin(std::span<Job> jobs, Deadline deadline) {
  std::vector<Job*> waiting;
  std::vector<core::Work> works;
  for (Job& job : jobs) {
    if (!job.open || job.failure) continue;
    waiting.push_back(&job);
    works.push_back(std::move(job.upload.work));
  }
  if (waiting.empty()) return;
  const auto ask = [&](std::span<const core::Work> some) {
    return Retrying(deadline, "the store", [&](Deadline call) { return ports_.effects.Begin(some, worker_, call); });
  };
  auto orders = ask(works);
  const bool one_by_one = !orders && Classify(orders.error().code, {}) != FailureClass::kOutage && works.size() > 1;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    auto alone = one_by_one ? ask({&works[i], 1}) : base::Result<std::vector<WorkOrder>>(std::vector<WorkOrder>{});
    const auto& answer = one_by_one ? alone : orders;
    Job& job = *waiting[i];
    job.upload.work = std::move(works[i]);
    if (answer) {
      Sort(job, one_by_one ? std::move(alone->front()) : std::move((*orders)[i]));
    } else {
      job.version = job.upload.work.version;
      job.Fail(answer.error(), "store_failed", "store");
    }
  }
  on_events_();
}

void DocumentProcessor::Sort(Job& job, WorkOrder order) {
  using Verdict = WorkOrder::Verdict;
  switch (order.verdict) {
    case Verdict::kProcess:
      job.begun = true;
      job.version = order.version;
      job.effects.id = job.id();
      job.effects.version = order.version;
      job.chunks = order.staged_chunks;
      break;
    case Verdict::kRefused:
      if (!job.upload.record) return job.Finish(Processed::Kind::kRefused, order.reason);
      job.failure = Failed{{"refused", order.reason, "decode"}, FailureClass::kPermanent};
      break;
    case Verdict::kQuarantined:
      job.version = order.version;
      job.failure = Failed{
          {"crashes_worker", "two processes ended without warning while they ran nothing but this document", "process"},
          FailureClass::kPermanent};
      break;
    case Verdict::kRunAlone:
    case Verdict::kWaitForDead: break;  // stays open: RunAlone comes back to it
    case Verdict::kAlreadyIndexed:
    case Verdict::kSuperseded:
    case Verdict::kDeleted: return job.Finish(Processed::Kind::kSkipped);
  }
  job.order = std::move(order);
}

base::Result<std::string> DocumentProcessor::ReadPart(const Job& job, std::int32_t part, Deadline deadline) {
  return Retrying(deadline, "the store",
                  [&](Deadline) { return ports_.contents.ReadPart(job.id(), job.version, part); });
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
  // The store keeps a foreign record's content; what came with the record is what gets cut.
  if (job.upload.work.version == 0) job.upload.content = std::move(job.upload.work.content);
  if (job.upload.content) {
    const std::string content = *std::exchange(job.upload.content, std::nullopt);
    RETURN_IF_ERROR(take(chunker.Feed(content, true)));
  } else {
    std::int64_t read = 0;
    for (std::int32_t number = 0; job.open && read < job.order.content_bytes; ++number) {
      auto next = ReadPart(job, number, deadline);
      if (!next) {
        Error error = std::move(next).error();
        error.message = "its content could not be read: " + error.message;
        job.Fail(error, "content_missing", "decode");
        return error;
      }
      read += static_cast<std::int64_t>(next->size());
      RETURN_IF_ERROR(take(chunker.Feed(*next, read >= job.order.content_bytes)));
    }
  }
  if (!job.open) return {};
  job.effects.warning = chunker.warning();
  job.effects.chunked_at = core::Now();
  if (job.chunks == 0) {
    job.failure = Failed{{"no_text", "there is no text in its content", "chunk"}, FailureClass::kPermanent};
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
    if (!texts.empty() && stop_.late()) return Error{Code::kUnavailable, "the server is stopping", {}};
  }
  return vectors;
}

base::Status DocumentProcessor::StageFull(Job& job, Deadline deadline) {
  job.effects.chunked_at = core::Now();
  auto vectors = Embed(job.effects.chunks, deadline);
  if (!vectors) {
    job.Fail(vectors.error(), "embedding_failed", "embed");
    return std::move(vectors).error();
  }
  job.effects.vectors = std::move(*vectors);
  job.effects.embedded_at = core::Now();
  auto staged = Retrying(deadline, "the store", [&](Deadline call) { return ports_.effects.Stage(job.effects, call); });
  if (!staged) {
    job.Fail(staged.error(), "store_failed", "store");
    return std::move(staged).error();
  }
  if (*staged == core::Applied::kFenced) job.Finish(Processed::Kind::kSkipped);
  job.effects.chunks.clear();
  job.effects.vectors.clear();
  // A long document must not hold up the shutdown: what is staged stays, the next run goes on from there.
  if (stop_.stopping()) return Error{Code::kUnavailable, "the server is stopping", {}};
  return {};
}

void DocumentProcessor::EmbedTogether(std::span<Job> jobs, Deadline deadline) {
  std::vector<Job*> waiting;
  std::vector<std::string_view> texts;
  for (Job& job : jobs) {
    if (!job.in_work()) continue;
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
    } else if (Classify(together.error().code, "embed") == FailureClass::kOutage) {
      job->Fail(together.error(), "embedding_failed", "embed");
    } else if (auto alone = Embed(job->effects.chunks, deadline);
               alone) {  // a bad text must fail its own document only
      job->effects.vectors = std::move(*alone);
    } else {
      job->Fail(alone.error(), "embedding_failed", "embed");
    }
    job->effects.embedded_at = core::Now();
    first += count;
  }
}

void DocumentProcessor::PublishTogether(std::span<Job> jobs, Deadline deadline) {
  std::vector<Job*> ready;
  std::vector<Effects> effects;
  for (Job& job : jobs) {
    if (!job.in_work()) continue;
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
    } else if (Classify(together.error().code, "store") == FailureClass::kOutage) {
      ready[i]->Fail(together.error(), "store_failed", "store");
    } else {
      // A failed batch is run again document by document before anything is classed (DELIVERY §4).
      auto alone = Retrying(deadline, "the store", [&](Deadline call) {
        return ports_.effects.Publish({&effects[i], 1}, call);
      });
      if (alone) {
        settle(i, alone->front());
      } else {
        ready[i]->Fail(alone.error(), "store_failed", "store");
      }
    }
  }
}

void DocumentProcessor::TellCache(const Job& job, Effects effects) {
  core::CachedDocument document;  // revision 0: it was indexed for the first time
  document.id = job.id();
  document.version = effects.version;
  // A long document's staged part is in the store alone.
  if (const auto chunks = static_cast<std::int64_t>(effects.chunks.size()); chunks == job.chunks) {
    document.chunks = static_cast<std::int32_t>(chunks);
    document.vectors = std::move(effects.vectors);
  }
  ports_.cache->Stored(std::move(document));
}

std::string DocumentProcessor::NameOf(const Job& job) {
  std::string name = job.version > 0 ? fmt::format("document {} version {}", job.id(), job.version) : "a message";
  if (const auto& record = job.upload.record) {
    const core::Position& position = record->position;
    name += fmt::format(" ({}/{}@{})", position.topic, position.partition, position.offset);
  }
  return name;
}

void DocumentProcessor::RecordFailures(std::span<Job> jobs, Deadline deadline) {
  for (Job& job : jobs) {
    if (job.open && job.failure) RecordFailure(job, deadline);
  }
}

void DocumentProcessor::RecordFailure(Job& job, Deadline deadline) {
  const auto outcome = route_.Decide(job.upload, job.version, *job.failure, core::Now());
  const auto applied = Write(outcome, deadline);
  if (!applied) {
    // Not written down, so not done: its offset stays and it will be read again.
    base::LogError("the failure of {} could not be recorded: {}", NameOf(job), applied.error().message);
    job.Finish(Processed::Kind::kAbandoned, applied.error().message);
  } else if (*applied == core::Applied::kFenced) {
    job.Finish(Processed::Kind::kSkipped);
  } else {
    CountFailure(job, outcome);
    const Processed::Kind kind = outcome.failure.retry         ? Processed::Kind::kRetrying
                                 : outcome.failure.dead_letter ? Processed::Kind::kDeadLettered
                                                               : Processed::Kind::kFailed;
    job.Finish(kind, outcome.failure.error.message);
  }
}

base::Result<core::Applied> DocumentProcessor::Write(const FailureRoute::Outcome& outcome, Deadline deadline) {
  if (outcome.failure.version > 0) {
    ASSIGN_OR_RETURN(const auto applied, Retrying(deadline, "the store", [&](Deadline call) {
                       return ports_.effects.Fail({&outcome.failure, 1}, call);
                     }));
    return applied.front();
  }
  RETURN_IF_ERROR(Retrying(deadline, "the store", [&](Deadline call) {
    return ports_.effects.DeadLetter({&*outcome.failure.dead_letter, 1}, call);
  }));
  return core::Applied::kYes;
}

void DocumentProcessor::CountFailure(const Job& job, const FailureRoute::Outcome& outcome) {
  const core::DocumentError& error = outcome.failure.error;
  metrics_
      .AddCounter("millrace_failures_total", "Runs that failed, by what is done about them.",
                  {{"class", std::string(FailureClassName(job.failure->failure_class))}})
      .Add();
  documents_rate_.Add(1);
  if (outcome.topic != nullptr) {
    CountOutcome(metrics_, "retrying").Add();
    metrics_.AddCounter("millrace_retries_total", "Records sent to a retry topic.", {{"topic", outcome.topic->name}})
        .Add();
    base::LogWarning("{} failed at {} and is tried again in {} s: {}", NameOf(job), error.stage,
                     outcome.topic->delay.count(), error.message);
  } else if (outcome.failure.dead_letter) {
    if (job.version == 0) {
      bad_messages_.Add();
    } else {
      CountOutcome(metrics_, "dead_lettered").Add();
    }
    base::LogError("{} failed at {} and is a dead letter: {}", NameOf(job), error.stage, error.message);
  } else {
    documents_failed_.Add();
    base::LogWarning("{} failed at {}: {}", NameOf(job), error.stage, error.message);
  }
}

/// Ends the suspicion that this process died of what it leaves.
void DocumentProcessor::Abandon(std::span<const Job> jobs) {
  std::vector<core::DocumentId> ids;
  for (const Job& job : jobs) {
    if (job.begun && job.result.kind == Processed::Kind::kAbandoned) ids.push_back(job.id());
  }
  if (ids.empty()) return;
  if (const auto abandoned = ports_.effects.Abandon(ids, worker_, Deadline::After(kAbandonPatience)); !abandoned) {
    base::LogWarning("{} unfinished documents will be run alone by whoever takes them: {}", ids.size(),
                     abandoned.error().message);
  }
}

}  // namespace millrace::ingest
