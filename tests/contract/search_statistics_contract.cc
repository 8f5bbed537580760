#include "contract/search_statistics_contract.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "core/search_tally.h"

namespace millrace::core {

bool operator==(const QueryCount& a, const QueryCount& b) {
  return a.query == b.query && a.searches == b.searches && a.without_results == b.without_results;
}
void PrintTo(const QueryCount& count, std::ostream* out) {
  *out << count.query << " " << count.searches << "/" << count.without_results;
}

}  // namespace millrace::core

namespace millrace::contract {

using core::QueryCount;
using core::SearchBatch;
using core::SearchRecord;
using core::Timestamp;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Records = std::vector<std::optional<SearchRecord>>;

namespace {

constexpr Timestamp kNoon{hours(473'364)};  // 2024-01-01T12:00:00Z

SearchRecord Searched(std::string query, Timestamp at = kNoon, std::int64_t results = 3,
                      std::optional<double> latency_ms = std::nullopt) {
  return {std::move(query), results, latency_ms, at};
}

}  // namespace

void SearchStatisticsContract::Add(std::int64_t first_offset, Records records, std::int32_t partition) {
  SearchBatch batch{{core::kAnalyticsTopic, partition}, first_offset, std::move(records), {}, {}};
  batch.oldest = kNoon + seconds(first_offset);
  batch.newest = kNoon + seconds(batch.next_offset() - 1);
  const auto added = statistics().Add(batch);
  ASSERT_TRUE(added) << added.error().message;
}

core::SearchReport SearchStatisticsContract::Report(Timestamp from, Timestamp to, seconds step, std::size_t top) {
  auto report = statistics().Report({from, to, step}, top);
  EXPECT_TRUE(report) << report.error().message;
  return report ? std::move(*report) : core::SearchReport();
}

std::int64_t SearchStatisticsContract::Searches() {
  return Report(kNoon - days(400), kNoon + days(400), days(1)).searches;
}

namespace {

TEST_P(SearchStatisticsContract, WithoutSearchesTheBucketsAreEmpty) {
  const auto report = Report(kNoon, kNoon + minutes(3));
  EXPECT_EQ(report.searches, 0);
  EXPECT_FALSE(report.latency);
  EXPECT_THAT(report.top, IsEmpty());
  EXPECT_THAT(report.unanswered, IsEmpty());
  ASSERT_EQ(report.buckets.size(), 3u);
  EXPECT_EQ(report.buckets[2].start, kNoon + minutes(2));
  EXPECT_EQ(report.buckets[2].searches, 0);
  EXPECT_FALSE(report.buckets[2].latency);
}

TEST_P(SearchStatisticsContract, CountsByTheMinute) {
  Add(0, {Searched("a", kNoon), Searched("b", kNoon + milliseconds(59'999), 0), Searched("a", kNoon + minutes(2))});
  const auto report = Report(kNoon, kNoon + minutes(3));
  EXPECT_EQ(report.searches, 3);
  EXPECT_EQ(report.without_results, 1);
  ASSERT_EQ(report.buckets.size(), 3u);
  EXPECT_EQ(report.buckets[0].searches, 2);
  EXPECT_EQ(report.buckets[0].without_results, 1);
  EXPECT_EQ(report.buckets[1].searches, 0);
  EXPECT_EQ(report.buckets[2].searches, 1);
}

TEST_P(SearchStatisticsContract, StepsBeginAtMultiplesAndTheRangeCutsThem) {
  Add(0, {Searched("before", kNoon + minutes(6)), Searched("first", kNoon + minutes(7)),
          Searched("second", kNoon + minutes(10)), Searched("last", kNoon + minutes(15)),
          Searched("behind", kNoon + minutes(16))});
  const auto report = Report(kNoon + minutes(7) + seconds(20), kNoon + minutes(15) + seconds(1), minutes(5));
  EXPECT_EQ(report.searches, 3);
  ASSERT_EQ(report.buckets.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(report.buckets[i].start, kNoon + minutes(5 * (static_cast<int>(i) + 1)));
    EXPECT_EQ(report.buckets[i].searches, 1);
  }
}

TEST_P(SearchStatisticsContract, MinutesRollUpIntoDays) {
  Records records;
  for (int hour = 0; hour < 72; ++hour) records.push_back(Searched("q", kNoon + hours(hour), 1, 10));
  Add(0, std::move(records));
  const auto report = Report(kNoon, kNoon + hours(72), days(1));
  ASSERT_EQ(report.buckets.size(), 4u);
  EXPECT_EQ(report.buckets[0].searches, 12);
  EXPECT_EQ(report.buckets[1].searches, 24);
  EXPECT_EQ(report.buckets[3].searches, 12);
  ASSERT_TRUE(report.buckets[3].latency);
  EXPECT_NEAR(report.buckets[3].latency->p50_ms, 10, 0.45);
}

TEST_P(SearchStatisticsContract, PercentilesAreWithinTheirBound) {
  Records records;
  std::vector<double> latencies;
  for (int i = 1; i <= 1000; ++i) {
    const double latency = 0.05 * i * i;  // 0.05 ms to 50 s
    latencies.push_back(latency);
    records.push_back(Searched("q", kNoon + seconds(i / 10), 1, latency));
  }
  std::reverse(records.begin(), records.end());
  records.push_back(Searched("says nothing", kNoon, 1));
  Add(0, std::move(records));
  const auto report = Report(kNoon, kNoon + minutes(2), minutes(5));
  EXPECT_EQ(report.searches, 1001);
  ASSERT_TRUE(report.latency);
  for (const auto& [shown, exact] :
       {std::pair(report.latency->p50_ms, latencies[499]), std::pair(report.latency->p95_ms, latencies[949]),
        std::pair(report.latency->p99_ms, latencies[989])}) {
    EXPECT_NEAR(shown, exact, 0.045 * exact);
  }
}

TEST_P(SearchStatisticsContract, ABucketWithoutLatenciesHasNone) {
  Add(0, {Searched("a", kNoon), Searched("b", kNoon + minutes(1), 1, 7)});
  const auto report = Report(kNoon, kNoon + minutes(2));
  EXPECT_FALSE(report.buckets[0].latency);
  ASSERT_TRUE(report.buckets[1].latency);
  EXPECT_NEAR(report.buckets[1].latency->p99_ms, 7, 0.32);
}

TEST_P(SearchStatisticsContract, TopAndUnansweredAreTheMostSearched) {
  Add(0, {Searched("once"), Searched("thrice"), Searched("thrice", kNoon + hours(1), 0), Searched("thrice"),
          Searched("twice", kNoon, 0), Searched("twice", kNoon, 0), Searched("also once")});
  const auto report = Report(kNoon, kNoon + hours(2), hours(1));
  EXPECT_THAT(report.top, ElementsAre(QueryCount{"thrice", 3, 1}, QueryCount{"twice", 2, 2},
                                      QueryCount{"also once", 1, 0}, QueryCount{"once", 1, 0}));
  EXPECT_THAT(report.unanswered, ElementsAre(QueryCount{"twice", 2, 2}, QueryCount{"thrice", 3, 1}));
  const auto short_report = Report(kNoon, kNoon + hours(2), hours(1), 1);
  EXPECT_THAT(short_report.top, ElementsAre(QueryCount{"thrice", 3, 1}));
  EXPECT_THAT(short_report.unanswered, ElementsAre(QueryCount{"twice", 2, 2}));
  EXPECT_THAT(Report(kNoon, kNoon + hours(2), hours(1), 0).top, IsEmpty());
}

TEST_P(SearchStatisticsContract, QueriesAreThoseOfTheHoursThatTheRangeTouches) {
  Add(0, {Searched("at eleven", kNoon - minutes(30)), Searched("at noon", kNoon + minutes(1)),
          Searched("at one", kNoon + minutes(61))});
  EXPECT_THAT(Report(kNoon + minutes(59), kNoon + minutes(60)).top, ElementsAre(QueryCount{"at noon", 1, 0}));
}

TEST_P(SearchStatisticsContract, QueriesKeepTheirLettersAndLoseTheirMargins) {
  const std::string long_query(300, 'x');
  std::string snowmen;
  for (int i = 0; i < 250; ++i) snowmen += "\u2603";
  Add(0, {Searched(" \tone\u00a0"), Searched("one"), Searched("One"), Searched("on\u00e9"), Searched("one  two"),
          Searched("one two"), Searched("  "), Searched(long_query), Searched(snowmen), Searched("'; DROP TABLE x; --"),
          Searched("100%_\\")});
  const auto report = Report(kNoon, kNoon + minutes(1), minutes(1), 20);
  EXPECT_EQ(report.searches, 11);
  EXPECT_THAT(report.top, testing::UnorderedElementsAre(
                              QueryCount{"one", 2, 0}, QueryCount{"One", 1, 0}, QueryCount{"on\u00e9", 1, 0},
                              QueryCount{"one  two", 1, 0}, QueryCount{"one two", 1, 0},
                              QueryCount{long_query.substr(0, core::kMaxQueryCodePoints), 1, 0},
                              QueryCount{snowmen.substr(0, 3 * core::kMaxQueryCodePoints), 1, 0},
                              QueryCount{"'; DROP TABLE x; --", 1, 0}, QueryCount{"100%_\\", 1, 0}));
}

TEST_P(SearchStatisticsContract, AnHourHoldsABoundedNumberOfQueries) {
  Records records;
  constexpr std::int64_t kTooMany = core::kMaxQueriesPerHour + 10;
  for (std::int64_t i = 1; i < kTooMany; ++i) records.push_back(Searched("q" + std::to_string(i)));
  Add(0, {Searched("known")});
  Add(1, std::move(records));
  Add(kTooMany, {Searched("known"), Searched("new"), Searched("next hour", kNoon + hours(1))});
  const auto report = Report(kNoon, kNoon + hours(2), hours(1), kTooMany + 10);
  EXPECT_EQ(report.searches, kTooMany + 3) << "the volume counts all of them";
  EXPECT_EQ(report.top.size(), static_cast<std::size_t>(core::kMaxQueriesPerHour) + 1);
  EXPECT_EQ(report.top.front(), (QueryCount{"known", 2, 0}));
  EXPECT_THAT(report.top, testing::Contains(QueryCount{"next hour", 1, 0}));
  EXPECT_THAT(report.top, testing::Not(testing::Contains(QueryCount{"new", 1, 0})));
}

TEST_P(SearchStatisticsContract, ARepeatedBatchCountsOnce) {
  const Records records = {Searched("a", kNoon, 1, 5), std::nullopt, Searched("b", kNoon, 0)};
  Add(10, records);
  Add(10, records);
  Reopen();
  Add(10, records);
  EXPECT_EQ(Searches(), 2);
  EXPECT_THAT(Report(kNoon, kNoon + minutes(1)).top, ElementsAre(QueryCount{"a", 1, 0}, QueryCount{"b", 1, 1}));
}

TEST_P(SearchStatisticsContract, OfAnOverlappingBatchTheNewPartCounts) {
  Add(0, {Searched("a"), Searched("b")});
  Add(1, {Searched("b"), Searched("c")});
  Add(0, {Searched("a"), Searched("b"), Searched("c"), std::nullopt, Searched("d")});
  EXPECT_EQ(Searches(), 4);
}

TEST_P(SearchStatisticsContract, OffsetsMayLeaveGaps) {
  Add(5, {Searched("a")});
  Add(1000, {Searched("b")});
  Add(6, {Searched("late")});
  EXPECT_EQ(Searches(), 2);
}

TEST_P(SearchStatisticsContract, RecordsThatAreNoSearchesMoveTheOffsetToo) {
  Add(0, {std::nullopt, std::nullopt});
  Add(1, {Searched("was counted as none"), Searched("b")});
  EXPECT_EQ(Searches(), 1);
}

TEST_P(SearchStatisticsContract, PartitionsHaveOffsetsOfTheirOwn) {
  Add(0, {Searched("a"), Searched("b")}, 0);
  Add(0, {Searched("c")}, 1);
  Add(1, {Searched("again")}, 0);
  EXPECT_EQ(Searches(), 3);
}

TEST_P(SearchStatisticsContract, ATopicMadeAnewCountsFromItsBeginning) {
  Add(100, {Searched("of the old topic"), Searched("of the old topic")});
  SearchBatch fresh{{core::kAnalyticsTopic, 0}, 0, {Searched("of the new one")}, kNoon + hours(1), kNoon + hours(1)};
  ASSERT_TRUE(statistics().Add(fresh));
  EXPECT_EQ(Searches(), 3);
  ASSERT_TRUE(statistics().Add(fresh));
  EXPECT_EQ(Searches(), 3) << "the new one's records count once too";
  fresh.first_offset = 1;
  fresh.oldest = fresh.newest = kNoon;  // a producer whose clock is late
  ASSERT_TRUE(statistics().Add(fresh));
  EXPECT_EQ(Searches(), 4);
}

TEST_P(SearchStatisticsContract, AnEmptyBatchChangesNothing) {
  Add(7, {});
  Add(0, {Searched("a")});
  EXPECT_EQ(Searches(), 1);
}

TEST_P(SearchStatisticsContract, ForgetsWhatEndedBefore) {
  Add(0, {Searched("old", kNoon - hours(2), 1, 5), Searched("younger", kNoon, 1, 5),
          Searched("young", kNoon + minutes(1), 0, 5)});
  const auto forgotten = statistics().Forget(kNoon + minutes(1));
  ASSERT_TRUE(forgotten);
  EXPECT_GE(*forgotten, 3) << "two minutes and one hour";
  EXPECT_EQ(Searches(), 1);
  const auto report = Report(kNoon - hours(3), kNoon + hours(1), hours(1));
  EXPECT_THAT(report.top, ElementsAre(QueryCount{"young", 1, 1}, QueryCount{"younger", 1, 0}))
      << "their hour has not ended";
  EXPECT_EQ(*statistics().Forget(kNoon + minutes(1)), 0);
  Add(0, {Searched("old", kNoon - hours(2), 1, 5)});
  EXPECT_EQ(Searches(), 1) << "what was forgotten stays counted";
}

TEST_P(SearchStatisticsContract, RefusesARangeThatIsNone) {
  for (const core::SearchRange& range :
       {core::SearchRange{kNoon, kNoon, minutes(1)}, core::SearchRange{kNoon, kNoon - hours(1), minutes(1)},
        core::SearchRange{kNoon, kNoon + hours(1), seconds(0)}, core::SearchRange{kNoon, kNoon + hours(1), seconds(90)},
        core::SearchRange{kNoon, kNoon + hours(1), seconds(-60)},
        core::SearchRange{kNoon, kNoon + minutes(core::kMaxSearchSteps + 1), minutes(1)}}) {
    const auto report = statistics().Report(range, 10);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, base::Code::kInvalidArgument);
  }
  EXPECT_EQ(Report(kNoon, kNoon + minutes(core::kMaxSearchSteps)).buckets.size(),
            static_cast<std::size_t>(core::kMaxSearchSteps));
}

TEST_P(SearchStatisticsContract, ConcurrentAddsOfOnePartitionCountOnce) {
  constexpr int kThreads = 4, kBatches = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kBatches; ++i) Add(i, {Searched("same", kNoon, 1, 5)}, thread / 2);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Searches(), 2 * kBatches) << "two members at once, as after a rebalance that one of them missed";
}

TEST_P(SearchStatisticsContract, SurvivesARestart) {
  Add(0, {Searched("kept", kNoon, 0, 12)});
  const auto before = Report(kNoon, kNoon + minutes(1));
  Reopen();
  const auto after = Report(kNoon, kNoon + minutes(1));
  EXPECT_EQ(after.searches, before.searches);
  EXPECT_EQ(after.top, before.top);
  EXPECT_EQ(after.unanswered, before.unanswered);
  EXPECT_EQ(after.latency->p99_ms, before.latency->p99_ms);
}

}  // namespace
}  // namespace millrace::contract
