#include "adapters/memory/search_table.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

namespace millrace::memory {
namespace {

using core::QueryCount;

/// The `top` queries with the highest `count`, those with none left out.
std::vector<QueryCount> Highest(const std::vector<QueryCount>& queries, std::int64_t QueryCount::*count,
                                std::size_t top) {
  std::vector<QueryCount> highest;
  for (const QueryCount& query : queries) {
    if (query.*count > 0) highest.push_back(query);
  }
  std::sort(highest.begin(), highest.end(), [count](const QueryCount& a, const QueryCount& b) {
    return std::tie(b.*count, a.query) < std::tie(a.*count, b.query);
  });
  highest.resize(std::min(highest.size(), top));
  return highest;
}

/// Erases the entries, each `unit` long, that had ended by `before`; the sum of their `count`.
template <typename Entries, typename Count>
std::int64_t EraseEnded(Entries& entries, core::Timestamp before, std::chrono::milliseconds unit, Count count) {
  std::int64_t rows = 0;
  const auto end = entries.upper_bound(before - unit);
  for (auto it = entries.begin(); it != end; it = entries.erase(it))
    rows += static_cast<std::int64_t>(count(it->second));
  return rows;
}

}  // namespace

base::Status SearchTable::Add(const core::SearchBatch& batch) {
  std::lock_guard lock(mutex_);
  std::optional<core::SearchProgress> progress;
  if (const auto found = progress_.find(batch.partition); found != progress_.end()) progress = found->second;
  const auto records = Uncounted(batch, progress);
  if (records.empty()) return {};
  const core::SearchTallies tallies = core::TallySearches(records);
  for (const auto& [minute, tally] : tallies.minutes) tallies_.minutes[minute] += tally;
  for (const auto& [hour, queries] : tallies.hours) {
    auto& kept = tallies_.hours[hour];
    for (const auto& [query, tally] : queries) {
      const bool full = static_cast<std::int64_t>(kept.size()) >= core::kMaxQueriesPerHour;
      const auto found = full ? kept.find(query) : kept.try_emplace(query).first;
      if (found == kept.end()) continue;
      found->second.searches += tally.searches;
      found->second.without_results += tally.without_results;
    }
  }
  progress_[batch.partition] = ProgressAfter(batch, progress);
  return {};
}

base::Result<core::SearchReport> SearchTable::Report(const core::SearchRange& asked, std::size_t top) {
  ASSIGN_OR_RETURN(const core::SearchRange range, core::CheckRange(asked));
  std::lock_guard lock(mutex_);
  std::map<core::Timestamp, core::SearchTally> steps;
  for (auto it = tallies_.minutes.lower_bound(range.from); it != tallies_.minutes.end() && it->first < range.to; ++it) {
    steps[core::FloorTo(it->first, range.step)] += it->second;
  }
  core::SearchReport report = core::MakeReport(range, steps);
  std::map<std::string, QueryCount> queries;
  const auto first = tallies_.hours.lower_bound(core::FloorTo(range.from, std::chrono::hours(1)));
  for (auto it = first; it != tallies_.hours.end() && it->first < range.to; ++it) {
    for (const auto& [query, tally] : it->second) {
      QueryCount& count = queries.try_emplace(query, QueryCount{query, 0, 0}).first->second;
      count.searches += tally.searches;
      count.without_results += tally.without_results;
    }
  }
  std::vector<QueryCount> all;
  for (auto& [query, count] : queries) all.push_back(std::move(count));
  report.top = Highest(all, &QueryCount::searches, top);
  report.unanswered = Highest(all, &QueryCount::without_results, top);
  return report;
}

base::Result<std::int64_t> SearchTable::Forget(core::Timestamp before) {
  std::lock_guard lock(mutex_);
  const std::int64_t minutes =
      EraseEnded(tallies_.minutes, before, std::chrono::minutes(1), [](const auto&) { return 1; });
  return minutes +
         EraseEnded(tallies_.hours, before, std::chrono::hours(1), [](const auto& hour) { return hour.size(); });
}

}  // namespace millrace::memory
