#include "adapters/mysql/search_statistics.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/search_tally.h"

namespace millrace::mysql {
namespace {

using core::Timestamp;
using std::chrono::milliseconds;

constexpr std::int64_t kMaxRemovedRows = 1000;  // in one transaction

/// Locks how far the partition is counted until the transaction ends.
std::optional<core::SearchProgress> LockProgress(Connection& connection, const core::TopicPartition& partition) {
  connection.Run("INSERT IGNORE INTO search_progress(topic, partition_number) VALUES (?, ?)", partition.topic,
                 partition.partition);
  Statement select(connection, R"sql(
      SELECT next_offset, newest FROM search_progress WHERE topic = ? AND partition_number = ? FOR UPDATE)sql");
  if (!select.Bind(partition.topic, partition.partition).Step() || select.IsNull(0)) return std::nullopt;
  return core::SearchProgress{select.Int(0), select.Time(1)};
}

void AddMinutes(Connection& connection, const std::map<Timestamp, core::SearchTally>& minutes) {
  RowInsert totals(connection, "INSERT INTO search_minutes(minute, searches, without_results) VALUES",
                   " ON DUPLICATE KEY UPDATE searches = searches + VALUES(searches), "
                   "without_results = without_results + VALUES(without_results)");
  RowInsert latencies(connection, "INSERT INTO search_latencies(minute, bucket, searches) VALUES",
                      " ON DUPLICATE KEY UPDATE searches = searches + VALUES(searches)");
  for (const auto& [minute, tally] : minutes) {
    totals.Add(minute, tally.searches, tally.without_results);
    for (const auto& [bucket, searches] : tally.latencies) latencies.Add(minute, bucket, searches);
  }
  totals.Flush();
  latencies.Flush();
}

std::set<std::string, std::less<>> QueriesOf(Connection& connection, Timestamp hour) {
  Statement select(connection, "SELECT query FROM search_queries WHERE hour = ?");
  select.Bind(hour);
  std::set<std::string, std::less<>> queries;
  while (select.Step()) queries.insert(select.Text(0));
  return queries;
}

void AddQueries(Connection& connection, Timestamp hour, const std::map<std::string, core::QueryTally>& queries) {
  std::int64_t kept = connection.Int("SELECT count(*) FROM search_queries WHERE hour = ?", hour).value_or(0);
  const bool may_overflow = kept + static_cast<std::int64_t>(queries.size()) > core::kMaxQueriesPerHour;
  std::set<std::string, std::less<>> known;
  if (may_overflow) known = QueriesOf(connection, hour);
  RowInsert insert(connection, "INSERT INTO search_queries(hour, query, searches, without_results) VALUES",
                   " ON DUPLICATE KEY UPDATE searches = searches + VALUES(searches), "
                   "without_results = without_results + VALUES(without_results)");
  for (const auto& [query, tally] : queries) {
    if (may_overflow && !known.contains(query) && ++kept > core::kMaxQueriesPerHour) continue;
    insert.Add(hour, Blob{query}, tally.searches, tally.without_results);
  }
  insert.Flush();
}

std::map<Timestamp, core::SearchTally> ReadSteps(Connection& connection, const core::SearchRange& range) {
  const std::int64_t step = milliseconds(range.step).count();
  std::map<Timestamp, core::SearchTally> steps;
  Statement totals(connection, R"sql(
      SELECT minute - ((minute % ?) + ?) % ? AS step_start, sum(searches), sum(without_results) FROM search_minutes
      WHERE minute >= ? AND minute < ? GROUP BY step_start)sql");
  totals.Bind(step, step, step, range.from, range.to);
  while (totals.Step()) steps[totals.Time(0)] = {totals.Int(1), totals.Int(2), {}};
  Statement latencies(connection, R"sql(
      SELECT minute - ((minute % ?) + ?) % ? AS step_start, bucket, sum(searches) FROM search_latencies
      WHERE minute >= ? AND minute < ? GROUP BY step_start, bucket)sql");
  latencies.Bind(step, step, step, range.from, range.to);
  while (latencies.Step()) {
    steps[latencies.Time(0)].latencies[static_cast<std::int32_t>(latencies.Int(1))] = latencies.Int(2);
  }
  return steps;
}

/// `count` is the sum that orders them; queries without it are left out.
std::vector<core::QueryCount> ReadHighest(Connection& connection, const core::SearchRange& range,
                                          const std::string& count, std::size_t top) {
  Statement select(connection,
                   "SELECT query, sum(searches) AS all_searches, sum(without_results) AS all_without FROM "
                   "search_queries WHERE hour >= ? AND hour < ? GROUP BY query HAVING " +
                       count + " > 0 ORDER BY " + count + " DESC, query LIMIT ?");
  select.Bind(core::FloorTo(range.from, std::chrono::hours(1)), range.to, top);
  std::vector<core::QueryCount> highest;
  while (select.Step()) highest.push_back({select.Text(0), select.Int(1), select.Int(2)});
  return highest;
}

}  // namespace

base::Status SearchTables::Add(const core::SearchBatch& batch) {
  if (batch.records.empty()) return {};
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Status {
    const auto progress = LockProgress(connection, batch.partition);
    const auto records = core::Uncounted(batch, progress);
    if (records.empty()) return {};
    const core::SearchTallies tallies = core::TallySearches(records);
    AddMinutes(connection, tallies.minutes);
    for (const auto& [hour, queries] : tallies.hours) AddQueries(connection, hour, queries);
    const core::SearchProgress after = core::ProgressAfter(batch, progress);
    connection.Run("UPDATE search_progress SET next_offset = ?, newest = ? WHERE topic = ? AND partition_number = ?",
                   after.next_offset, after.newest, batch.partition.topic, batch.partition.partition);
    return {};
  });
}

base::Result<core::SearchReport> SearchTables::Report(const core::SearchRange& asked, std::size_t top) {
  ASSIGN_OR_RETURN(const core::SearchRange range, core::CheckRange(asked));
  return engine_.Read([&](Connection& connection) -> base::Result<core::SearchReport> {
    core::SearchReport report = core::MakeReport(range, ReadSteps(connection, range));
    report.top = ReadHighest(connection, range, "all_searches", top);
    report.unanswered = ReadHighest(connection, range, "all_without", top);
    return report;
  });
}

base::Result<std::int64_t> SearchTables::Forget(Timestamp before) {
  const std::pair<const char*, milliseconds> tables[] = {
      {"DELETE FROM search_minutes WHERE minute <= ? LIMIT ?", std::chrono::minutes(1)},
      {"DELETE FROM search_latencies WHERE minute <= ? LIMIT ?", std::chrono::minutes(1)},
      {"DELETE FROM search_queries WHERE hour <= ? LIMIT ?", std::chrono::hours(1)}};
  std::int64_t removed = 0;
  for (const auto& [sql, unit] : tables) {
    for (std::int64_t rows = kMaxRemovedRows; rows == kMaxRemovedRows; removed += rows) {
      ASSIGN_OR_RETURN(
          rows, engine_.Write(engine_.CallDeadline(),
                              [&, text = sql, length = unit](Connection& connection) -> base::Result<std::int64_t> {
                                return connection.Run(text, before - length, kMaxRemovedRows);
                              }));
    }
  }
  return removed;
}

}  // namespace millrace::mysql
