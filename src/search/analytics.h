#pragma once

#include <optional>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "base/metrics.h"
#include "core/log.h"

namespace millrace::search {

/// What one search looked like, for `search-analytics` (CONTRACT §2).
struct SearchObservation {
  std::string query;
  std::size_t results = 0;
  std::optional<float> top_similarity;
  double latency_ms = 0;
  std::size_t top_k = 0;
  core::Timestamp at;
};

/// Fire and forget: never slows or fails a search. What does not fit the queue is dropped and counted. Thread-safe.
class Analytics {
 public:
  Analytics(core::LogProducer& producer, base::Metrics& metrics);
  ~Analytics();

  void Record(SearchObservation observation);

 private:
  void Run();

  core::LogProducer& producer_;
  base::Counter& dropped_;
  base::BoundedQueue<SearchObservation> queue_;
  std::thread thread_;
};

}  // namespace millrace::search
