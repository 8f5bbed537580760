#include "core/search_tally.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/utf8.h"

namespace millrace::core {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMinute = std::chrono::minutes(1);
constexpr milliseconds kHour = std::chrono::hours(1);
constexpr double kBucketsPerDoubling = 8;
constexpr std::int32_t kFirstBucket = -7 * 8;  // from 2^-7 ms, below 0.01 ms
constexpr std::int32_t kLastBucket = 22 * 8;   // from 2^22 ms, above an hour

double MiddleOf(std::int32_t bucket) { return std::exp2((bucket + 0.5) / kBucketsPerDoubling); }

/// Of the bucket that holds the search of that rank.
double Percentile(const std::map<std::int32_t, std::int64_t>& latencies, std::int64_t total, double part) {
  const auto rank = static_cast<std::int64_t>(std::ceil(part * static_cast<double>(total)));
  std::int64_t seen = 0;
  for (const auto& [bucket, searches] : latencies) {
    seen += searches;
    if (seen >= rank) return MiddleOf(bucket);
  }
  return 0;
}

std::optional<SearchLatency> LatencyOf(const SearchTally& tally) {
  std::int64_t total = 0;
  for (const auto& [bucket, searches] : tally.latencies) total += searches;
  if (total == 0) return std::nullopt;
  return SearchLatency{Percentile(tally.latencies, total, 0.5), Percentile(tally.latencies, total, 0.95),
                       Percentile(tally.latencies, total, 0.99)};
}

std::string_view Normalized(std::string_view query) {
  const std::string_view cut = base::FirstCodePoints(base::TrimWhiteSpace(query), kMaxQueryCodePoints);
  return base::TrimWhiteSpace(cut);
}

}  // namespace

std::int32_t LatencyBucket(double ms) {
  if (!(ms > 0)) return kFirstBucket;
  const double bucket = std::floor(std::log2(ms) * kBucketsPerDoubling);
  return static_cast<std::int32_t>(std::clamp<double>(bucket, kFirstBucket, kLastBucket));
}

SearchTally& SearchTally::operator+=(const SearchTally& other) {
  searches += other.searches;
  without_results += other.without_results;
  for (const auto& [bucket, count] : other.latencies) latencies[bucket] += count;
  return *this;
}

Timestamp FloorTo(Timestamp time, milliseconds unit) {
  const auto since = time.time_since_epoch();
  const auto beyond = since % unit;
  return Timestamp(since - beyond - (beyond < milliseconds::zero() ? unit : milliseconds::zero()));
}

SearchTallies TallySearches(std::span<const std::optional<SearchRecord>> records) {
  SearchTallies tallies;
  for (const std::optional<SearchRecord>& record : records) {
    if (!record) continue;
    const std::int64_t unanswered = record->results > 0 ? 0 : 1;
    SearchTally& minute = tallies.minutes[FloorTo(record->at, kMinute)];
    ++minute.searches;
    minute.without_results += unanswered;
    if (record->latency_ms) ++minute.latencies[LatencyBucket(*record->latency_ms)];
    const std::string_view query = Normalized(record->query);
    if (query.empty()) continue;
    QueryTally& hour = tallies.hours[FloorTo(record->at, kHour)][std::string(query)];
    ++hour.searches;
    hour.without_results += unanswered;
  }
  return tallies;
}

std::span<const std::optional<SearchRecord>> Uncounted(const SearchBatch& batch,
                                                       const std::optional<SearchProgress>& progress) {
  const std::span<const std::optional<SearchRecord>> all = batch.records;
  if (!progress || batch.first_offset >= progress->next_offset || batch.oldest > progress->newest) return all;
  const auto counted = static_cast<std::size_t>(progress->next_offset - batch.first_offset);
  return all.subspan(std::min(counted, all.size()));
}

SearchProgress ProgressAfter(const SearchBatch& batch, const std::optional<SearchProgress>& progress) {
  return {batch.next_offset(), progress ? std::max(progress->newest, batch.newest) : batch.newest};
}

base::Result<SearchRange> CheckRange(const SearchRange& range) {
  const auto wrong = [](const char* field, std::string message) {
    return base::Error{base::Code::kInvalidArgument, std::move(message), field};
  };
  if (range.step < kMinute || range.step % kMinute != milliseconds::zero()) {
    return wrong("/step", "step must be a whole number of minutes");
  }
  SearchRange checked = range;
  checked.from = FloorTo(range.from, kMinute);
  checked.to = FloorTo(range.to + kMinute - milliseconds(1), kMinute);
  if (checked.from >= checked.to) return wrong("/from", "from must be before to");
  if ((checked.to - FloorTo(checked.from, range.step) - milliseconds(1)) / range.step >= kMaxSearchSteps) {
    return wrong("/step", fmt::format("from, to and step must make at most {} steps", kMaxSearchSteps));
  }
  return checked;
}

SearchReport MakeReport(const SearchRange& range, const std::map<Timestamp, SearchTally>& steps) {
  SearchReport report;
  SearchTally all;
  for (Timestamp start = FloorTo(range.from, range.step); start < range.to; start += range.step) {
    const auto found = steps.find(start);
    const SearchTally tally = found == steps.end() ? SearchTally() : found->second;
    report.buckets.push_back({start, tally.searches, tally.without_results, LatencyOf(tally)});
    all += tally;
  }
  report.searches = all.searches;
  report.without_results = all.without_results;
  report.latency = LatencyOf(all);
  return report;
}

}  // namespace millrace::core
