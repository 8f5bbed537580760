#include "admin/pipeline_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/signal.h"

namespace millrace::admin {
namespace {

using std::chrono::seconds;

constexpr core::Timestamp kMorning{seconds(1'768'473'000)};

/// Answers what a test says.
class ToldOverview final : public Overview {
 public:
  base::Result<PipelineStatus> Pipeline() override {
    asked.Set();
    return answer;
  }
  base::Result<std::vector<core::Instance>> Instances() override { return std::vector<core::Instance>(); }
  Readiness readiness() const override { return Readiness::kReady; }
  DependencyHealth Health() override { return {}; }
  std::string mode() const override { return "cluster"; }

  base::Result<PipelineStatus> answer{PipelineStatus()};
  base::Signal asked;
};

class PipelineHistoryTest : public testing::Test {
 protected:
  static PipelineStatus Busy() {
    PipelineStatus status;
    auto& counts = status.store.documents_by_status;
    counts[static_cast<std::size_t>(core::DocumentStatus::kQueued)] = 4;
    counts[static_cast<std::size_t>(core::DocumentStatus::kProcessing)] = 2;
    counts[static_cast<std::size_t>(core::DocumentStatus::kRetrying)] = 1;
    counts[static_cast<std::size_t>(core::DocumentStatus::kIndexed)] = 100;
    status.lag = {{core::kUploadsTopic, 0, core::kWorkersGroup, 0, 60, 55, 5},
                  {core::kUploadsTopic, 1, core::kWorkersGroup, 10, 50, std::nullopt, 40}};
    status.total_lag = 45;
    status.documents_per_second = 1.5;
    status.chunks_per_second = 12;
    return status;
  }

  std::vector<core::Timestamp> Times(core::Timestamp from = kMorning) const {
    std::vector<core::Timestamp> times;
    for (const PipelineSample& sample : history_.Since(from)) times.push_back(sample.at);
    return times;
  }

  ToldOverview overview_;
  PipelineHistory history_{overview_};
};

TEST_F(PipelineHistoryTest, KeepsWhatTheChartsDraw) {
  overview_.answer = Busy();
  history_.Take(kMorning);
  const auto samples = history_.Since(kMorning);
  ASSERT_EQ(samples.size(), 1u);
  EXPECT_EQ(samples[0].at, kMorning);
  EXPECT_EQ(samples[0].published, 110);
  EXPECT_EQ(samples[0].committed, 65) << "without a commit, reading begins at the oldest message";
  EXPECT_EQ(samples[0].lag, 45);
  EXPECT_EQ(samples[0].waiting, 7);
  EXPECT_EQ(samples[0].documents_per_second, 1.5);
  EXPECT_EQ(samples[0].chunks_per_second, 12);
}

TEST_F(PipelineHistoryTest, AnswersFromATimeOnInOrder) {
  for (int i = 0; i < 3; ++i) history_.Take(kMorning + i * PipelineHistory::kStep);
  EXPECT_THAT(Times(), testing::ElementsAre(kMorning, kMorning + seconds(10), kMorning + seconds(20)));
  EXPECT_THAT(Times(kMorning + seconds(10)), testing::ElementsAre(kMorning + seconds(10), kMorning + seconds(20)));
  EXPECT_THAT(Times(kMorning + seconds(21)), testing::IsEmpty());
}

TEST_F(PipelineHistoryTest, ForgetsWhatIsOlderThanSixHours) {
  constexpr int kTaken = PipelineHistory::kKept + 5;
  for (int i = 0; i < kTaken; ++i) history_.Take(kMorning + i * PipelineHistory::kStep);
  const auto times = Times();
  EXPECT_EQ(times.size(), 2160u);
  EXPECT_EQ(times.front(), kMorning + 5 * PipelineHistory::kStep);
  EXPECT_EQ(times.back() - times.front(), PipelineHistory::kSpan - PipelineHistory::kStep);
}

TEST_F(PipelineHistoryTest, WhatCannotBeReadIsAGapAndNoZero) {
  overview_.answer = base::Error{base::Code::kUnavailable, "the store is away", {}};
  history_.Take(kMorning);
  PipelineStatus without_log = Busy();
  without_log.lag.clear();
  without_log.total_lag = std::nullopt;
  overview_.answer = without_log;
  history_.Take(kMorning + seconds(10));
  const auto samples = history_.Since(kMorning);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].waiting, std::nullopt);
  EXPECT_EQ(samples[0].documents_per_second, std::nullopt);
  EXPECT_EQ(samples[1].waiting, 7) << "the store answers";
  for (const PipelineSample& sample : samples) {
    EXPECT_EQ(sample.lag, std::nullopt);
    EXPECT_EQ(sample.published, std::nullopt);
    EXPECT_EQ(sample.committed, std::nullopt);
  }
}

TEST_F(PipelineHistoryTest, ATopicMadeAnewCountsFromZeroAgain) {
  overview_.answer = Busy();
  history_.Take(kMorning);
  PipelineStatus anew = Busy();
  anew.lag = {{core::kUploadsTopic, 0, core::kWorkersGroup, 0, 3, std::nullopt, 3}};
  overview_.answer = anew;
  history_.Take(kMorning + seconds(10));
  const auto samples = history_.Since(kMorning);
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[1].published, 3);
  EXPECT_EQ(samples[1].committed, 0);
}

TEST_F(PipelineHistoryTest, AClockThatIsSetBackLeavesNothingInTheFuture) {
  for (int i = 0; i < 3; ++i) history_.Take(kMorning + i * PipelineHistory::kStep);
  history_.Take(kMorning + seconds(10));
  EXPECT_THAT(Times(), testing::ElementsAre(kMorning, kMorning + seconds(10)));
}

TEST_F(PipelineHistoryTest, TakesTheFirstAtOnceAndStopsInAPause) {
  const core::Timestamp before = core::Now();
  history_.Start();
  EXPECT_TRUE(overview_.asked.Wait(base::Deadline::AfterSeconds(30)));
  history_.Stop();
  EXPECT_EQ(history_.Since(before).size(), 1u);
}

}  // namespace
}  // namespace millrace::admin
