#include "admin/health_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/signal.h"

namespace millrace::admin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::Pair;

base::Status Fine(milliseconds) { return {}; }

TEST(HealthProbes, SaysWhatEachDependencySays) {
  HealthProbes probes({{"kafka", Fine}, {"mysql", [](milliseconds) -> base::Status {
                                           return {base::Code::kUnavailable, "connection refused"};
                                         }}});
  EXPECT_THAT(probes.Ask(), ElementsAre(Pair("kafka", "connected"), Pair("mysql", "disconnected: connection refused")));
}

TEST(HealthProbes, AsksAnewEachTime) {
  std::atomic<bool> up{false};
  HealthProbes probes({{"redis", [&](milliseconds) -> base::Status {
                          if (up) return {};
                          return {base::Code::kUnavailable, "away"};
                        }}});
  EXPECT_EQ(probes.Ask()["redis"], "disconnected: away");
  up = true;
  EXPECT_EQ(probes.Ask()["redis"], "connected");
}

TEST(HealthProbes, AsksAllAtOnce) {
  std::atomic<int> asked{0};
  const auto meets = [&](milliseconds timeout) -> base::Status {
    EXPECT_EQ(timeout, milliseconds(1500));
    ++asked;
    for (const auto patience = base::Deadline::After(timeout); asked < 4 && !patience.expired();) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    if (asked < 4) return {base::Code::kUnavailable, "the others are not asked at the same time"};
    return {};
  };
  HealthProbes probes({{"a", meets}, {"b", meets}, {"c", meets}, {"d", meets}});
  EXPECT_THAT(probes.Ask(), testing::Each(Pair(testing::_, "connected")));
}

TEST(HealthProbes, OneThatHangsDelaysNeitherTheOthersNorTheAnswer) {
  base::StopFlag release;
  HealthProbes probes({{"hangs",
                        [&](milliseconds) -> base::Status {
                          release.SleepUntil(base::Deadline::AfterSeconds(30));
                          return {};
                        }},
                       {"works", Fine}});
  for (int round = 0; round < 2; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_THAT(probes.Ask(),
                ElementsAre(Pair("hangs", "disconnected: no answer within 1.5 s"), Pair("works", "connected")));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10)) << "it hangs for thirty";
  }
  release.Stop();
  EXPECT_EQ(probes.Ask()["hangs"], "connected") << "as soon as it answers again";
}

TEST(HealthProbes, ManyWhoAskShareAProbe) {
  constexpr int kAsking = 20;
  std::atomic<int> runs{0}, came{0};
  HealthProbes probes({{"slow", [&](milliseconds) -> base::Status {
                          ++runs;
                          const auto patience = base::Deadline::AfterSeconds(1);
                          while (came < kAsking && !patience.expired()) std::this_thread::sleep_for(milliseconds(1));
                          std::this_thread::sleep_for(milliseconds(200));
                          return {};
                        }}});
  std::vector<std::thread> asking;
  for (int i = 0; i < kAsking; ++i) {
    asking.emplace_back([&] {
      ++came;
      EXPECT_EQ(probes.Ask()["slow"], "connected");
    });
  }
  for (std::thread& thread : asking) thread.join();
  EXPECT_LE(runs, 3);
}

}  // namespace
}  // namespace millrace::admin
