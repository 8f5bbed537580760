#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// Records of one partition, in a row.
struct SearchBatch {
  TopicPartition partition;
  std::int64_t first_offset = 0;
  std::vector<std::optional<SearchRecord>> records;  // at first_offset, first_offset + 1 …; nothing: not a search
  Timestamp oldest, newest;                          // of the records' times in the log

  std::int64_t next_offset() const { return first_offset + static_cast<std::int64_t>(records.size()); }
};

/// What a report is about: [from, to) widened to whole minutes, in steps that begin at multiples of `step` since 1970.
/// `step` is a multiple of a minute, and at most kMaxSearchSteps of them are asked for.
struct SearchRange {
  Timestamp from, to;
  std::chrono::seconds step{60};
};
inline constexpr std::int64_t kMaxSearchSteps = 2000;

/// Percentiles from a histogram, each off by at most 4.5 % (core/search_tally.h).
struct SearchLatency {
  double p50_ms = 0, p95_ms = 0, p99_ms = 0;
};

/// `query` is trimmed and cut after kMaxQueryCodePoints (core/search_tally.h); queries that differ in case differ.
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
  std::optional<SearchLatency> latency;  // none when no search of it says how long it took
};

struct SearchReport {
  std::int64_t searches = 0;
  std::int64_t without_results = 0;
  std::optional<SearchLatency> latency;
  std::vector<QueryCount> top;         // most searched first, then by the query's bytes
  std::vector<QueryCount> unanswered;  // only those without results, most often without first
  std::vector<SearchBucket> buckets;   // ascending, without gaps; the first and the last may be cut by the range
};

/// Aggregated searches: what the group `millrace-analytics` makes of `search-analytics`. Searches are kept by minute,
/// queries by hour, so `top` and `unanswered` are of the hours that the range touches. Thread-safe.
class SearchStatistics {
 public:
  virtual ~SearchStatistics() = default;

  /// One transaction: adds the records and stores the partition's next offset. What was counted before is ignored
  /// (Uncounted in core/search_tally.h says what that is), so every batch may come any number of times.
  virtual base::Status Add(const SearchBatch& batch) = 0;

  /// `top` and `unanswered` hold at most `top` queries each. kInvalidArgument for a range that is none.
  virtual base::Result<SearchReport> Report(const SearchRange& range, std::size_t top) = 0;

  /// Forgets the minutes and hours that had ended by `before`. How many rows went.
  virtual base::Result<std::int64_t> Forget(Timestamp before) = 0;
};

}  // namespace millrace::core
