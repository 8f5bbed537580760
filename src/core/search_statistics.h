#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document.h"
#include "core/log.h"

namespace millrace::core {

inline constexpr char kAnalyticsGroup[] = "millrace-analytics";

/// One message of `search-analytics`, decoded.
struct SearchRecord {
  std::string query;
  std::int64_t results = 0;
  std::optional<double> latency_ms;
  Timestamp at;
};

struct QueryCount {
  std::string query;
  std::int64_t searches = 0;
  std::int64_t without_results = 0;
};

/// One step of time.
struct SearchBucket {
  Timestamp start;
  std::int64_t searches = 0;
  std::int64_t without_results = 0;
  double latency_p50_ms = 0, latency_p95_ms = 0, latency_p99_ms = 0;  // from a histogram; 0 without latencies
};

struct SearchReport {
  std::int64_t searches = 0;
  std::int64_t without_results = 0;
  double latency_p50_ms = 0, latency_p95_ms = 0, latency_p99_ms = 0;
  std::vector<QueryCount> top, unanswered;  // most searched first
  std::vector<SearchBucket> buckets;        // ascending, without gaps
};

/// Aggregated searches: what the group `millrace-analytics` makes of `search-analytics`. Thread-safe.
class SearchStatistics {
 public:
  virtual ~SearchStatistics() = default;

  /// One transaction: adds the records to their buckets and sets the next offset of `partition`. Records below the
  /// offset that is stored already were counted before: the adapter ignores the call's records below it.
  virtual base::Status Add(const TopicPartition& partition, std::int64_t first_offset,
                           std::span<const std::optional<SearchRecord>> records) = 0;

  /// Where to go on; nothing before the first Add.
  virtual base::Result<std::optional<std::int64_t>> NextOffset(const TopicPartition& partition) = 0;

  virtual base::Result<SearchReport> Report(Timestamp from, Timestamp to, std::chrono::seconds step,
                                            std::size_t top) = 0;

  /// Forgets buckets and queries older than `before`. How many rows went.
  virtual base::Result<std::int64_t> Forget(Timestamp before) = 0;
};

}  // namespace millrace::core
