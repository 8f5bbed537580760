#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "core/search_statistics.h"

/// The arithmetic that every adapter of SearchStatistics shares: what it stores are these tallies.
namespace millrace::core {

inline constexpr std::size_t kMaxQueryCodePoints = 200;
inline constexpr std::int64_t kMaxQueriesPerHour = 5000;  // further new queries of that hour count in the volume only

/// Latencies are counted in buckets whose bounds grow by 2^(1/8), each read as its geometric middle: that is off by at
/// most 4.5 % from 0.01 ms to an hour. Shorter and longer ones count in the first and the last bucket.
std::int32_t LatencyBucket(double milliseconds);

/// What the searches of some stretch of time add up to.
struct SearchTally {
  std::int64_t searches = 0, without_results = 0;
  std::map<std::int32_t, std::int64_t> latencies;  // searches by LatencyBucket

  SearchTally& operator+=(const SearchTally& other);
};

struct QueryTally {
  std::int64_t searches = 0, without_results = 0;
};

struct SearchTallies {
  std::map<Timestamp, SearchTally> minutes;  // by the minute's start
  std::map<Timestamp, std::map<std::string, QueryTally>>
      hours;  // by the hour's start and the query, blank ones left out
};
SearchTallies TallySearches(std::span<const std::optional<SearchRecord>> records);

/// How far a partition is counted.
struct SearchProgress {
  std::int64_t next_offset = 0;
  Timestamp newest;  // the highest SearchBatch::newest counted
};

/// The records of `batch` that are not counted yet: those from the next offset on; all of them when they lie below it
/// but every one is newer than whatever was counted, because then the topic was made anew and its offsets began again.
std::span<const std::optional<SearchRecord>> Uncounted(const SearchBatch& batch,
                                                       const std::optional<SearchProgress>& progress);
/// REQUIRES: Uncounted(batch, progress) is not empty.
SearchProgress ProgressAfter(const SearchBatch& batch, const std::optional<SearchProgress>& progress);

/// The range widened to whole minutes; kInvalidArgument when it is empty, too long for its step, or the step is wrong.
base::Result<SearchRange> CheckRange(const SearchRange& range);

/// The start of the minute, hour or step that `time` lies in.
Timestamp FloorTo(Timestamp time, std::chrono::milliseconds unit);

/// A report without queries. `steps` holds the tallies of the range's minutes, added up by FloorTo(minute, step).
/// REQUIRES: `range` comes from CheckRange.
SearchReport MakeReport(const SearchRange& range, const std::map<Timestamp, SearchTally>& steps);

}  // namespace millrace::core
