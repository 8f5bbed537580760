#include "search/analytics_consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "adapters/memory/memory_log.h"
#include "adapters/memory/search_table.h"
#include "unit/eventually.h"

namespace millrace::search {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

core::LogRecord Record(std::string value, core::Timestamp timestamp = core::Now()) {
  core::LogRecord record;
  record.position.topic = core::kAnalyticsTopic;
  record.value = std::move(value);
  record.timestamp = timestamp;
  return record;
}

std::string Search(const std::string& query, int results = 3) {
  return R"({"query":")" + query + R"(","results_count":)" + std::to_string(results) +
         R"(,"top_similarity":0.85,"timestamp":"2024-01-15T10:30:00"})";
}

/// Statistics that fail when told to; with `counts_first` after they have counted, as when a commit's answer is lost.
class ShakyStatistics final : public core::SearchStatistics {
 public:
  base::Status Add(const core::SearchBatch& batch) override {
    ++calls;
    if (!fails || counts_first) RETURN_IF_ERROR(table_.Add(batch));
    if (fails) return {code, "the store is away"};
    return {};
  }
  base::Result<core::SearchReport> Report(const core::SearchRange& range, std::size_t top) override {
    return table_.Report(range, top);
  }
  base::Result<std::int64_t> Forget(core::Timestamp before) override {
    ++forgets;
    return table_.Forget(before);
  }

  void Fail(base::Code how) {
    code = how;
    fails = true;
  }
  std::int64_t searches() {
    return Report({core::Now() - std::chrono::hours(2), core::Now() + minutes(2), minutes(5)}, 0)->searches;
  }

  std::atomic<int> calls{0}, forgets{0};
  std::atomic<bool> fails{false}, counts_first{false};
  std::atomic<base::Code> code{base::Code::kUnavailable};

 private:
  memory::SearchTable table_;
};

class AnalyticsConsumerTest : public testing::Test {
 protected:
  void SetUp() override {
    core::TopicSpec topic;
    topic.name = core::kAnalyticsTopic;
    topic.partitions = 1;
    ASSERT_TRUE(log_.admin().CreateTopic(topic));
  }

  std::unique_ptr<AnalyticsConsumer> Started() {
    auto consumer = std::make_unique<AnalyticsConsumer>(log_.NewConsumer(core::kAnalyticsGroup), statistics_, metrics_);
    EXPECT_TRUE(consumer->Start());
    return consumer;
  }

  void Produce(const std::vector<std::string>& values) {
    std::vector<core::LogRecord> records;
    for (const std::string& value : values) records.push_back(Record(value));
    const auto produced = log_.producer().Produce(std::move(records), base::Deadline::AfterSeconds(5));
    ASSERT_TRUE(produced);
  }

  std::int64_t Committed() {
    const auto group = log_.groups().DescribeGroup(core::kAnalyticsGroup);
    if (!group || group->committed.empty()) return 0;
    return group->committed.begin()->second;
  }

  double Metric(const std::string& outcome) {
    return metrics_
        .AddCounter("millrace_analytics_records_total", "Records of search-analytics read.", {{"outcome", outcome}})
        .value();
  }

  memory::MemoryLog log_;
  base::Metrics metrics_;
  ShakyStatistics statistics_;
};

TEST_F(AnalyticsConsumerTest, CountsWhatIsInTheLogAndWhatComes) {
  Produce({Search("a"), Search("b", 0)});
  const auto consumer = Started();
  EXPECT_TRUE(Eventually([&] { return statistics_.searches() == 2; }));
  Produce({Search("c")});
  EXPECT_TRUE(Eventually([&] { return statistics_.searches() == 3; }));
  EXPECT_TRUE(Eventually([&] { return Committed() == 3; }));
  EXPECT_EQ(statistics_.forgets, 1);
}

TEST_F(AnalyticsConsumerTest, GarbageIsSkippedAndBlocksNothing) {
  Produce({"", "not json", "[]", R"({"query":"no count"})", R"({"query":7,"results_count":1})",
           R"({"query":"x","results_count":-1})", R"({"query":"x","results_count":"3"})", std::string(2 << 20, '['),
           "{\"query\":\"\xff\",\"results_count\":1}", Search("good")});
  const auto consumer = Started();
  EXPECT_TRUE(Eventually([&] { return Committed() == 10; }));
  EXPECT_EQ(statistics_.searches(), 1);
  EXPECT_EQ(Metric("not_a_search"), 9);
  EXPECT_EQ(Metric("counted"), 1);
}

TEST_F(AnalyticsConsumerTest, WhileTheStoreIsAwayTheLogKeepsTheSearches) {
  statistics_.Fail(base::Code::kUnavailable);
  Produce({Search("a"), Search("b")});
  const auto consumer = Started();
  EXPECT_TRUE(Eventually([&] { return statistics_.calls >= 3; }));
  EXPECT_EQ(Committed(), 0) << "nothing is committed that is not counted";
  statistics_.fails = false;
  EXPECT_TRUE(Eventually([&] { return Committed() == 2; }));
  EXPECT_EQ(statistics_.searches(), 2);
}

TEST_F(AnalyticsConsumerTest, ALostAnswerCountsNothingTwice) {
  statistics_.counts_first = true;
  statistics_.Fail(base::Code::kDeadlineExceeded);
  Produce({Search("a"), Search("b")});
  const auto consumer = Started();
  EXPECT_TRUE(Eventually([&] { return statistics_.calls >= 3; }));
  statistics_.fails = false;
  EXPECT_TRUE(Eventually([&] { return Committed() == 2; }));
  EXPECT_EQ(statistics_.searches(), 2);
}

TEST_F(AnalyticsConsumerTest, WhatTheStoreWillNeverTakeIsLeftOut) {
  statistics_.Fail(base::Code::kInvalidArgument);
  Produce({Search("a")});
  const auto consumer = Started();
  EXPECT_TRUE(Eventually([&] { return Committed() == 1; }));
  EXPECT_EQ(Metric("refused"), 1);
  statistics_.fails = false;
  Produce({Search("b")});
  EXPECT_TRUE(Eventually([&] { return statistics_.searches() == 1; }));
}

TEST_F(AnalyticsConsumerTest, AStopDoesNotWaitForTheStore) {
  statistics_.Fail(base::Code::kUnavailable);
  Produce({Search("a")});
  auto consumer = Started();
  EXPECT_TRUE(Eventually([&] { return statistics_.calls >= 4; }));
  const auto begin = std::chrono::steady_clock::now();
  consumer.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(1));
  EXPECT_EQ(Committed(), 0);
}

TEST_F(AnalyticsConsumerTest, TheNextMemberGoesOnAndARewoundGroupCountsNothingTwice) {
  Produce({Search("a")});
  auto first = Started();
  EXPECT_TRUE(Eventually([&] { return Committed() == 1; }));
  first.reset();
  Produce({Search("b")});
  ASSERT_TRUE(log_.groups().ResetOffsets(core::kAnalyticsGroup, {{{core::kAnalyticsTopic, 0}, 0}}));
  const auto second = Started();
  EXPECT_TRUE(Eventually([&] { return Committed() == 2; }));
  EXPECT_EQ(statistics_.searches(), 2);
}

TEST(DecodeSearchRecord, ReadsTheContractsFourMembers) {
  const core::Timestamp now = core::Now();
  const auto record = DecodeSearchRecord(Record(Search("what is it", 2), now - minutes(3)), now);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->query, "what is it");
  EXPECT_EQ(record->results, 2);
  EXPECT_FALSE(record->latency_ms);
  EXPECT_EQ(record->at, now - minutes(3)) << "the message's own time carries no zone";
}

TEST(DecodeSearchRecord, ReadsLatenciesThatAreSome) {
  const auto latency = [](const std::string& text) {
    return DecodeSearchRecord(Record(R"({"query":"q","results_count":1,"latency_ms":)" + text + "}"), core::Now())
        ->latency_ms;
  };
  EXPECT_EQ(latency("12.5"), 12.5);
  EXPECT_EQ(latency("7"), 7);
  EXPECT_EQ(latency("0"), 0);
  EXPECT_FALSE(latency("-1"));
  EXPECT_FALSE(latency("null"));
  EXPECT_FALSE(latency("\"12\""));
}

TEST(DecodeSearchRecord, ATimeThatIsNoneOrInTheFutureIsNow) {
  const core::Timestamp now = core::Now();
  EXPECT_EQ(DecodeSearchRecord(Record(Search("q"), now + minutes(3)), now)->at, now);
  EXPECT_EQ(DecodeSearchRecord(Record(Search("q"), core::Timestamp(milliseconds(-1))), now)->at, now);
}

}  // namespace
}  // namespace millrace::search
