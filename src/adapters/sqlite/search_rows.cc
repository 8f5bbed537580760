#include "adapters/sqlite/search_rows.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/search_tally.h"

namespace millrace::sqlite {
namespace {

using core::Timestamp;

std::optional<core::SearchProgress> FindProgress(Connection& connection, const core::TopicPartition& partition) {
  Statement select(connection, "SELECT next_offset, newest FROM search_offsets WHERE topic = ?1 AND partition = ?2");
  if (!select.Bind(partition.topic, partition.partition).Step()) return std::nullopt;
  return core::SearchProgress{select.Int(0), select.Time(1)};
}

void AddMinute(Connection& connection, Timestamp minute, const core::SearchTally& tally) {
  connection.Run(R"sql(
      INSERT INTO search_minutes(minute, searches, without_results) VALUES (?1, ?2, ?3)
      ON CONFLICT(minute) DO UPDATE SET searches = searches + ?2, without_results = without_results + ?3)sql",
                 minute, tally.searches, tally.without_results);
  for (const auto& [bucket, searches] : tally.latencies) {
    connection.Run(R"sql(
        INSERT INTO search_latencies(minute, bucket, searches) VALUES (?1, ?2, ?3)
        ON CONFLICT(minute, bucket) DO UPDATE SET searches = searches + ?3)sql",
                   minute, bucket, searches);
  }
}

void AddQueries(Connection& connection, Timestamp hour, const std::map<std::string, core::QueryTally>& queries) {
  std::int64_t room = core::kMaxQueriesPerHour -
                      connection.Int("SELECT count(*) FROM search_queries WHERE hour = ?1", hour).value_or(0);
  for (const auto& [query, tally] : queries) {
    const std::int64_t known = connection.Run(R"sql(
        UPDATE search_queries SET searches = searches + ?3, without_results = without_results + ?4
        WHERE hour = ?1 AND query = ?2)sql",
                                              hour, query, tally.searches, tally.without_results);
    if (known > 0 || room <= 0) continue;
    connection.Run("INSERT INTO search_queries(hour, query, searches, without_results) VALUES (?1, ?2, ?3, ?4)", hour,
                   query, tally.searches, tally.without_results);
    --room;
  }
}

/// The tallies of the range's minutes, added up by step.
std::map<Timestamp, core::SearchTally> SumSteps(Connection& connection, const core::SearchRange& range) {
  const std::int64_t step = std::chrono::milliseconds(range.step).count();
  std::map<Timestamp, core::SearchTally> steps;
  Statement minutes(connection, R"sql(
      SELECT minute, searches, without_results FROM search_minutes WHERE minute >= ?1 AND minute < ?2)sql");
  minutes.Bind(range.from, range.to);
  while (minutes.Step()) {
    core::SearchTally& tally = steps[core::FloorTo(minutes.Time(0), range.step)];
    tally.searches += minutes.Int(1);
    tally.without_results += minutes.Int(2);
  }
  Statement latencies(connection, R"sql(
      SELECT min(minute), bucket, sum(searches) FROM search_latencies WHERE minute >= ?1 AND minute < ?2
      GROUP BY minute / ?3, bucket)sql");
  latencies.Bind(range.from, range.to, step);
  while (latencies.Step()) {
    const auto bucket = static_cast<std::int32_t>(latencies.Int(1));
    steps[core::FloorTo(latencies.Time(0), range.step)].latencies[bucket] += latencies.Int(2);
  }
  return steps;
}

/// REQUIRES: `sql` selects query, searches and without_results by hours [?1, ?2) and limit ?3.
std::vector<core::QueryCount> ListQueries(Connection& connection, std::string_view sql, const core::SearchRange& range,
                                          std::size_t top) {
  Statement select(connection, sql);
  select.Bind(core::FloorTo(range.from, std::chrono::hours(1)), range.to, top);
  std::vector<core::QueryCount> queries;
  while (select.Step()) queries.push_back({select.Text(0), select.Int(1), select.Int(2)});
  return queries;
}

}  // namespace

base::Status SearchRows::Add(const core::SearchBatch& batch) {
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    const auto progress = FindProgress(connection, batch.partition);
    const auto records = core::Uncounted(batch, progress);
    if (records.empty()) return {};
    const core::SearchTallies tallies = core::TallySearches(records);
    for (const auto& [minute, tally] : tallies.minutes) AddMinute(connection, minute, tally);
    for (const auto& [hour, queries] : tallies.hours) AddQueries(connection, hour, queries);
    const core::SearchProgress after = core::ProgressAfter(batch, progress);
    connection.Run(R"sql(
        INSERT OR REPLACE INTO search_offsets(topic, partition, next_offset, newest) VALUES (?1, ?2, ?3, ?4))sql",
                   batch.partition.topic, batch.partition.partition, after.next_offset, after.newest);
    return {};
  });
}

base::Result<core::SearchReport> SearchRows::Report(const core::SearchRange& asked, std::size_t top) {
  ASSIGN_OR_RETURN(const core::SearchRange range, core::CheckRange(asked));
  return engine_.readers->Read([&](Connection& connection) -> base::Result<core::SearchReport> {
    core::SearchReport report = core::MakeReport(range, SumSteps(connection, range));
    report.top = ListQueries(connection, R"sql(
        SELECT query, sum(searches) AS n, sum(without_results) FROM search_queries WHERE hour >= ?1 AND hour < ?2
        GROUP BY query ORDER BY n DESC, query LIMIT ?3)sql",
                             range, top);
    report.unanswered = ListQueries(connection, R"sql(
        SELECT query, sum(searches), sum(without_results) AS n FROM search_queries
        WHERE hour >= ?1 AND hour < ?2 GROUP BY query HAVING n > 0 ORDER BY n DESC, query LIMIT ?3)sql",
                                    range, top);
    return report;
  });
}

base::Result<std::int64_t> SearchRows::Forget(Timestamp before) {
  std::int64_t removed = 0;
  const auto remove = [&](std::string_view sql, Timestamp last_start) -> base::Status {
    for (std::int64_t rows = kMaxRemovedRows; rows == kMaxRemovedRows; removed += rows) {
      ASSIGN_OR_RETURN(
          rows, engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Result<std::int64_t> {
            return connection.Run(sql, last_start, kMaxRemovedRows);
          }));
    }
    return {};
  };
  const Timestamp last_minute = before - std::chrono::minutes(1), last_hour = before - std::chrono::hours(1);
  RETURN_IF_ERROR(remove(R"sql(
      DELETE FROM search_latencies WHERE (minute, bucket) IN (
        SELECT minute, bucket FROM search_latencies WHERE minute <= ?1 LIMIT ?2))sql",
                         last_minute));
  RETURN_IF_ERROR(remove(R"sql(
      DELETE FROM search_minutes WHERE minute IN (SELECT minute FROM search_minutes WHERE minute <= ?1 LIMIT ?2))sql",
                         last_minute));
  RETURN_IF_ERROR(remove(R"sql(
      DELETE FROM search_queries WHERE (hour, query) IN (
        SELECT hour, query FROM search_queries WHERE hour <= ?1 LIMIT ?2))sql",
                         last_hour));
  return removed;
}

}  // namespace millrace::sqlite
