#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/chunk.h"
#include "core/filter.h"

namespace millrace::search {

struct SearchRequest {
  std::string query;
  std::size_t top_k = 3;  // 1 … 1000
  float min_score = -1;
  std::size_t max_per_document = 0;  // hits of one document at most; 0: no bound
  std::optional<core::Filter> filter;
};

struct SearchHit {
  core::StoredChunk chunk;
  float score = 0;  // cosine
};

struct SearchAnswer {
  std::vector<SearchHit> hits;  // best first
  bool no_documents = false;    // the index is empty
  double embed_ms = 0, index_ms = 0, hydrate_ms = 0;
};

/// Question to passages. Thread-safe.
class Search {
 public:
  virtual ~Search() = default;
  virtual base::Result<SearchAnswer> Ask(const SearchRequest& request, base::Deadline deadline) = 0;

  /// Whether this server answers with that version (or a newer one) of the document.
  virtual bool IsSearchable(core::DocumentId id, core::Version version) const = 0;
};

}  // namespace millrace::search
