#pragma once

#include "base/metrics.h"
#include "core/document_store.h"
#include "core/embedder.h"
#include "core/vector_index.h"
#include "search/analytics.h"
#include "search/index_follower.h"
#include "search/search.h"

namespace millrace::search {

/// Embed the question, ask the index, fetch the passages from the store. What the store no longer has is dropped,
/// refilled from the index, and its document checked again (DELIVERY §4).
class SearchService final : public Search {
 public:
  struct Ports {
    core::Embedder& embedder;
    core::VectorIndex& index;
    core::ChunkStore& chunks;
    IndexFollower& follower;
    Analytics& analytics;
  };

  SearchService(Ports ports, base::Metrics& metrics);

  base::Result<SearchAnswer> Ask(const SearchRequest& request, base::Deadline deadline) override;
  bool IsSearchable(core::DocumentId id, core::Version version) const override;

 private:
  base::Result<std::vector<SearchHit>> Hydrate(const std::vector<core::ScoredChunk>& scored);
  base::Status FindHits(const SearchRequest& request, std::span<const float> vector, SearchAnswer& answer);

  Ports ports_;
  base::Histogram& seconds_;
  base::Histogram& index_seconds_;
};

}  // namespace millrace::search
