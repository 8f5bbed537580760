#include "search/search_service.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

namespace millrace::search {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 5;  // each asks four times as much; an index so far behind its store will catch up on its own
constexpr std::size_t kSpares = 16;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Best first, so the first hits of a document are its best.
void KeepBestOfEach(std::vector<core::ScoredChunk>& scored, std::size_t max_per_document) {
  std::unordered_map<core::DocumentId, std::size_t> seen;
  std::erase_if(scored, [&](const core::ScoredChunk& chunk) { return ++seen[chunk.document_id] > max_per_document; });
}

}  // namespace

SearchService::SearchService(Ports ports, base::Metrics& metrics)
    : ports_(ports),
      seconds_(metrics.AddHistogram("millrace_search_seconds", "Whole searches: embed, index, fetch.",
                                    base::LatencyBounds())),
      index_seconds_(metrics.AddHistogram("millrace_search_index_seconds", "The vector index's part of searches.",
                                          base::LatencyBounds())) {}

base::Result<SearchAnswer> SearchService::Ask(const SearchRequest& request, base::Deadline deadline) {
  if (!ports_.follower.ready()) {
    // Half an index would answer, and wrongly.
    return base::Error{base::Code::kUnavailable, "the index is being loaded; try again in a moment", {}};
  }
  const auto start = Clock::now();
  SearchAnswer answer;
  answer.no_documents = ports_.index.size().chunks == 0;
  if (!answer.no_documents) {
    const std::string_view query = request.query;
    ASSIGN_OR_RETURN(const auto vector, ports_.embedder.Embed({&query, 1}, core::Embedder::Priority::kQuery, deadline));
    answer.embed_ms = MillisecondsSince(start);
    RETURN_IF_ERROR(FindHits(request, vector, answer));
  }
  const double latency_ms = MillisecondsSince(start);
  seconds_.Observe(latency_ms / 1000);
  SearchObservation observation{request.query, answer.hits.size(), std::nullopt,
                                latency_ms,    request.top_k,      core::Now()};
  if (!answer.hits.empty()) observation.top_similarity = answer.hits.front().score;
  ports_.analytics.Record(std::move(observation));
  return answer;
}

base::Status SearchService::FindHits(const SearchRequest& request, std::span<const float> vector,
                                     SearchAnswer& answer) {
  core::VectorQuery query{vector, request.top_k, request.min_score, request.filter ? &*request.filter : nullptr};
  for (int round = 0; round < kRounds; ++round) {
    const auto index_start = Clock::now();
    ASSIGN_OR_RETURN(auto scored, ports_.index.Search(query));
    const double index_ms = MillisecondsSince(index_start);
    index_seconds_.Observe(index_ms / 1000);
    answer.index_ms += index_ms;
    const bool that_is_all = scored.size() < query.top_k;

    if (request.max_per_document > 0) KeepBestOfEach(scored, request.max_per_document);
    if (scored.size() < request.top_k && !that_is_all && round + 1 < kRounds) {
      query.top_k *= 4;
      continue;  // not worth fetching yet
    }
    // Some more than asked, so that what is gone from the store rarely costs another round.
    scored.resize(std::min(scored.size(), query.top_k == request.top_k ? request.top_k : request.top_k + kSpares));
    const auto hydrate_start = Clock::now();
    ASSIGN_OR_RETURN(answer.hits, Hydrate(scored));
    answer.hydrate_ms += MillisecondsSince(hydrate_start);
    if (answer.hits.size() >= request.top_k || answer.hits.size() == scored.size() || that_is_all) break;
    query.top_k *= 4;
  }
  if (answer.hits.size() > request.top_k) answer.hits.resize(request.top_k);
  return {};
}

base::Result<std::vector<SearchHit>> SearchService::Hydrate(const std::vector<core::ScoredChunk>& scored) {
  std::vector<core::ChunkId> ids;
  ids.reserve(scored.size());
  for (const core::ScoredChunk& chunk : scored) ids.push_back(chunk.chunk_id);
  ASSIGN_OR_RETURN(auto stored, ports_.chunks.Hydrate(ids));

  // Hydrate keeps the order asked and leaves out what is gone.
  std::vector<SearchHit> hits;
  hits.reserve(stored.size());
  std::vector<core::DocumentId> suspects;
  std::size_t next = 0;
  for (const core::ScoredChunk& chunk : scored) {
    if (next < stored.size() && stored[next].id == chunk.chunk_id) {
      hits.push_back({std::move(stored[next]), chunk.score});
      ++next;
    } else {
      suspects.push_back(chunk.document_id);
    }
  }
  if (!suspects.empty()) ports_.follower.Suspect(suspects);
  return hits;
}

bool SearchService::IsSearchable(core::DocumentId id, core::Version version) const {
  const auto held = ports_.index.Find(id);
  return held && held->version >= version && held->version > 0;
}

}  // namespace millrace::search
