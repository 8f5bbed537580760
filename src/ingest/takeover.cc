#include "ingest/takeover.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace millrace::ingest {

using base::Code;
using base::Deadline;
using base::Error;
using core::DocumentId;

namespace {

constexpr auto kLookInterval = std::chrono::seconds(3);
constexpr int kPauseShare = 20;  // of the time that a look for nothing took: what it costs the database stays small
constexpr auto kLongestPause = std::chrono::milliseconds(10'000);
constexpr auto kTakeoverLease = std::chrono::milliseconds(30'000);
constexpr auto kReadTimeout = std::chrono::seconds(10);
constexpr auto kEmbedTimeout = std::chrono::minutes(2);
constexpr auto kSayEvery = std::chrono::seconds(10);

/// The other program writes a document's rows one after the other; this long after the last it is done.
constexpr auto kSettled = std::chrono::seconds(5);
/// And a document without any row may still wait for its worker, which is not to be overtaken.
constexpr auto kLost = std::chrono::seconds(60);

constexpr std::size_t kDocumentsAtOnce = 32;
constexpr std::size_t kTextsPerCall = 32;

/// What is left is looked for by reading a whole index.
constexpr auto kReportEvery = std::chrono::minutes(5);
constexpr std::size_t kLeftAtOnce = 1000, kLeftNamed = 5;

}  // namespace

/// A document on its way: its vectors as far as they are known.
struct Takeover::Job {
  core::ForeignDocument document;
  std::vector<std::optional<std::vector<float>>> vectors;  // one per chunk
  std::int64_t embedded = 0;
  bool refused = false;
};

Takeover::Takeover(Ports ports, std::string holder, base::Metrics& metrics, std::function<void()> on_events)
    : ports_(ports),
      holder_(std::move(holder)),
      on_events_(std::move(on_events)),
      adopted_(metrics.AddCounter("millrace_takeover_documents_total", "Documents of another program, decided on.",
                                  {{"outcome", "adopted"}})),
      chunks_from_cache_(metrics.AddCounter("millrace_takeover_chunks_total", "Chunks of another program, adopted.",
                                            {{"vector", "cache"}})),
      chunks_embedded_(metrics.AddCounter("millrace_takeover_chunks_total", "Chunks of another program, adopted.",
                                          {{"vector", "embedded"}})),
      queued_(metrics.AddCounter("millrace_takeover_documents_total", "Documents of another program, decided on.",
                                 {{"outcome", "queued"}})),
      deleted_(metrics.AddCounter("millrace_takeover_documents_total", "Documents of another program, decided on.",
                                  {{"outcome", "deleted"}})),
      refused_count_(metrics.AddCounter("millrace_takeover_documents_total",
                                        "Documents of another program, decided on.", {{"outcome", "refused"}})),
      left_count_(metrics.AddCounter("millrace_takeover_documents_total", "Documents of another program, decided on.",
                                     {{"outcome", "left"}})) {}

Takeover::~Takeover() { Stop(); }

void Takeover::Start() {
  thread_ = std::thread([this] {
    base::Backoff backoff(kLookInterval, kLongestPause);
    do {
      const base::Status done = Round(core::Now());
      if (done) {
        backoff.Reset();
        if (stop_.SleepUntil(
                Deadline::After(std::max<Deadline::Clock::duration>(kLookInterval, kPauseShare * looked_))))
          return;
        continue;
      }
      if (backoff.first_try() && !stop_.stopping()) {
        base::LogWarning("taking over documents of another program waits: {}", done.error().message);
      }
      if (stop_.SleepUntil(Deadline::After(backoff.Next()))) return;
    } while (true);
  });
}

void Takeover::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

base::Status Takeover::Round(core::Timestamp now) {
  const auto since = Deadline::Clock::now();
  ASSIGN_OR_RETURN(const bool ours, ports_.instances.Acquire("takeover", holder_, kTakeoverLease));
  if (!ours) return {};
  ASSIGN_OR_RETURN(const auto deleted, ports_.rows.DeleteVanished());
  if (deleted > 0) {
    deleted_.Add(static_cast<double>(deleted));
    on_events_();
    base::LogInfo("documents deleted because another program removed their rows: {}", deleted);
  }
  RETURN_IF_ERROR(Decide(now - kLost, true));
  RETURN_IF_ERROR(Decide(now - kSettled, false));
  RETURN_IF_ERROR(ReportLeft());
  looked_ = announced_ ? Deadline::Clock::duration() : Deadline::Clock::now() - since;
  if (announced_) {
    SayProgress();
    base::LogInfo("the takeover is up to date");
    announced_ = false;
    progress_ = {};
  }
  return {};
}

base::Status Takeover::Decide(core::Timestamp settled, bool and_lost) {
  DocumentId after = 0;
  while (true) {
    if (stop_.stopping()) return Error{Code::kUnavailable, "the process is stopping", {}};
    ASSIGN_OR_RETURN(auto found, ports_.rows.Find(settled, after, kDocumentsAtOnce));
    if (found.empty()) return {};
    after = found.back().id;
    const bool and_more = found.size() == kDocumentsAtOnce;
    std::vector<Job> jobs;
    std::vector<DocumentId> lost;
    for (core::ForeignDocument& document : found) {
      if (refused_.contains(document.id)) continue;
      if (!document.chunks.empty()) {
        jobs.emplace_back().document = std::move(document);
      } else if (and_lost) {
        lost.push_back(document.id);
      }
    }
    if (!jobs.empty() || !lost.empty()) {
      const auto known = std::count_if(jobs.begin(), jobs.end(),
                                       [this](const Job& job) { return changed_.contains(job.document.id); });
      Announce(jobs.size() + lost.size() - static_cast<std::size_t>(known), and_more);
      RETURN_IF_ERROR(AdoptAll(jobs));
      RETURN_IF_ERROR(QueueAll(lost));
      on_events_();
      if (say_at_.expired()) SayProgress();
      RETURN_IF_ERROR(KeepLease());
    }
    if (!and_more) return {};
  }
}

base::Status Takeover::QueueAll(std::span<const DocumentId> lost) {
  for (const DocumentId id : lost) {
    if (const auto queued = ports_.rows.Queue(id); queued) {
      ++progress_.queued;
      queued_.Add();
    } else if (base::IsRetryable(queued.error().code)) {
      return queued;
    } else if (queued.error().code != Code::kNotFound) {  // not found: it was removed meanwhile
      Refuse(id, queued.error());
    }
  }
  return {};
}

base::Status Takeover::AdoptAll(std::vector<Job>& jobs) {
  if (jobs.empty()) return {};
  RETURN_IF_ERROR(ReadVectors(jobs));
  RETURN_IF_ERROR(EmbedMissing(jobs));
  for (Job& job : jobs) {
    if (job.refused) continue;
    std::vector<float> vectors;
    vectors.reserve(job.vectors.size() * ports_.embedder.dimensions());
    for (const auto& vector : job.vectors) vectors.insert(vectors.end(), vector->begin(), vector->end());
    const auto adopted = ports_.rows.Adopt(job.document, vectors);
    if (!adopted) {
      if (base::IsRetryable(adopted.error().code)) return adopted.error();
      job.refused = true;
      Refuse(job.document.id, adopted.error());
      continue;
    }
    if (!*adopted) {
      changed_.insert(job.document.id);
      continue;
    }
    const auto from_cache = static_cast<std::int64_t>(job.vectors.size()) - job.embedded;
    ++progress_.documents;
    progress_.from_cache += from_cache;
    progress_.embedded += job.embedded;
    adopted_.Add();
    chunks_from_cache_.Add(static_cast<double>(from_cache));
    chunks_embedded_.Add(static_cast<double>(job.embedded));
  }
  return {};
}

base::Status Takeover::ReadVectors(std::vector<Job>& jobs) {
  std::vector<std::string> keys;
  for (const Job& job : jobs) {
    for (const core::ForeignChunk& chunk : job.document.chunks) keys.push_back(chunk.cache_key);
  }
  ASSIGN_OR_RETURN(auto vectors, ports_.cache.Read(keys, ports_.embedder.dimensions(), Deadline::After(kReadTimeout)));
  auto next = vectors.begin();
  for (Job& job : jobs) {
    const auto end = next + static_cast<std::ptrdiff_t>(job.document.chunks.size());
    job.vectors.assign(std::make_move_iterator(next), std::make_move_iterator(end));
    next = end;
  }
  return {};
}

base::Status Takeover::EmbedMissing(std::vector<Job>& jobs) {
  const base::Status together = Embed(jobs);
  if (together || base::IsRetryable(together.error().code)) return together;
  // One bad text must not hold up the others: each document alone.
  for (Job& job : jobs) {
    const base::Status alone = Embed({&job, 1});
    if (alone) continue;
    if (base::IsRetryable(alone.error().code)) return alone;
    job.refused = true;
    Refuse(job.document.id, alone.error());
  }
  return {};
}

base::Status Takeover::Embed(std::span<Job> jobs) {
  std::vector<std::string_view> texts;
  std::vector<std::pair<Job*, std::size_t>> places;
  for (Job& job : jobs) {
    for (std::size_t i = 0; i < job.vectors.size(); ++i) {
      if (job.vectors[i]) continue;
      texts.push_back(job.document.chunks[i].text);
      places.emplace_back(&job, i);
    }
  }
  const auto dimensions = static_cast<std::ptrdiff_t>(ports_.embedder.dimensions());
  for (std::size_t first = 0; first < texts.size(); first += kTextsPerCall) {
    if (stop_.stopping()) return Error{Code::kUnavailable, "the process is stopping", {}};
    const auto some = std::span(texts).subspan(first, std::min(kTextsPerCall, texts.size() - first));
    ASSIGN_OR_RETURN(const auto embedded,
                     ports_.embedder.Embed(some, core::Embedder::Priority::kIngest, Deadline::After(kEmbedTimeout)));
    for (std::size_t i = 0; i < some.size(); ++i) {
      auto& [job, chunk] = places[first + i];
      const auto begin = embedded.begin() + static_cast<std::ptrdiff_t>(i) * dimensions;
      job->vectors[chunk].emplace(begin, begin + dimensions);
      ++job->embedded;
    }
    if (say_at_.expired()) SayProgress();
  }
  return {};
}

void Takeover::Refuse(DocumentId id, const Error& error) {
  refused_.insert(id);
  refused_count_.Add();
  base::LogError("document {} of another program cannot be taken over: {}", id, error.message);
}

base::Status Takeover::ReportLeft() {
  if (!report_at_.expired()) return {};
  ASSIGN_OR_RETURN(const std::vector<DocumentId> left, ports_.rows.FindLeft(kLeftAtOnce));
  report_at_ = Deadline::After(kReportEvery);
  std::string ids;
  std::size_t news = 0;
  for (const DocumentId id : left) {
    if (!reported_.insert(id).second) continue;
    if (++news <= kLeftNamed) ids += (ids.empty() ? "" : ", ") + std::to_string(id);
  }
  if (news == 0) return {};
  left_count_.Add(static_cast<double>(news));
  base::LogWarning(
      "another program wrote chunks of documents that are indexed here: {}{} ({}{}); its rows are left as they are and "
      "not searched",
      news, left.size() == kLeftAtOnce ? " and more" : "", ids, news > kLeftNamed ? " …" : "");
  return {};
}

base::Status Takeover::KeepLease() {
  ASSIGN_OR_RETURN(const bool ours, ports_.instances.Acquire("takeover", holder_, kTakeoverLease));
  if (!ours) return Error{Code::kConflict, "another process takes over", {}};
  return {};
}

void Takeover::Announce(std::size_t documents, bool and_more) {
  if (announced_ || documents == 0) return;
  announced_ = true;
  say_at_ = Deadline::After(kSayEvery);
  base::LogInfo("taking over documents of another program: {}{}", documents, and_more ? " and more" : "");
}

void Takeover::SayProgress() {
  say_at_ = Deadline::After(kSayEvery);
  if (!announced_) return;
  base::LogInfo(
      "taken over: {} documents, {} chunks with their vectors from the cache, {} embedded anew; {} documents "
      "without chunks queued",
      progress_.documents, progress_.from_cache, progress_.embedded, progress_.queued);
}

}  // namespace millrace::ingest
