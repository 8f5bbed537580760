#include "ingest/run_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace millrace::ingest {
namespace {

base::Deadline Soon() { return base::Deadline::AfterSeconds(20); }

TEST(RunGate, NobodyIsInsideBesideWhoIsAlone) {
  RunGate gate;
  std::atomic<int> side_by_side{0}, alone{0};
  std::atomic<bool> met{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, is_alone = i % 3 == 0] {
      for (int round = 0; round < 300; ++round) {
        const RunGate::Pass pass(gate, is_alone, Soon());
        ASSERT_TRUE(pass);
        std::atomic<int>& count = is_alone ? alone : side_by_side;
        ++count;
        if (alone > 1 || (alone > 0 && side_by_side > 0)) met = true;
        std::this_thread::yield();
        --count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(met);
}

TEST(RunGate, WhoWaitsToBeAloneKeepsNewcomersOut) {
  RunGate gate;
  auto first = std::make_unique<RunGate::Pass>(gate, false, Soon());
  std::atomic<bool> was_alone{false};
  std::thread suspect([&] {
    const RunGate::Pass pass(gate, true, Soon());
    was_alone = static_cast<bool>(pass);
  });
  bool kept_out = false;
  const auto patience = Soon();
  while (!kept_out && !patience.expired()) {
    const RunGate::Pass newcomer(gate, false, base::Deadline::After(std::chrono::milliseconds(5)));
    kept_out = !newcomer;
  }
  EXPECT_TRUE(kept_out);
  EXPECT_FALSE(was_alone);
  first.reset();
  suspect.join();
  EXPECT_TRUE(was_alone);
  const RunGate::Pass after(gate, false, Soon());
  EXPECT_TRUE(after) << "and then lets them in again";
}

TEST(RunGate, GivingUpLeavesItOpen) {
  RunGate gate;
  {
    const RunGate::Pass inside(gate, false, Soon());
    const RunGate::Pass alone(gate, true, base::Deadline::Expired());
    EXPECT_FALSE(alone);
    const RunGate::Pass another(gate, false, Soon());
    EXPECT_TRUE(another);
  }
  const RunGate::Pass alone(gate, true, Soon());
  EXPECT_TRUE(alone);
}

}  // namespace
}  // namespace millrace::ingest
