#include "contract/instances_contract.h"

#include <atomic>
#include <thread>
#include <vector>

namespace millrace::contract {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> InstancesContract::Ids() {
  const auto listed = instances().List();
  EXPECT_TRUE(listed);
  std::vector<std::string> ids;
  if (!listed) return ids;
  for (const core::Instance& instance : *listed) ids.push_back(instance.id);
  return ids;
}

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

core::Instance Named(std::string id, std::string role = "worker", int started = 0) {
  core::Instance instance;
  instance.id = std::move(id);
  instance.role = std::move(role);
  instance.started_at = core::Timestamp(seconds(1'700'000'000 + started));
  return instance;
}

TEST_P(InstancesContract, NobodyIsThereAtFirst) { EXPECT_THAT(Ids(), IsEmpty()); }

TEST_P(InstancesContract, KeepsEverythingAnInstanceSays) {
  core::Instance told = Named("0123456789abcdef0123456789abcdef", "server");
  told.url = "http://[::1]:8000";
  told.version = "1.2.3";
  told.started_at += milliseconds(250);
  told.applied = {{{"document-events", 0}, 7}, {{"document-events", 2}, std::int64_t{1} << 40}};
  told.partitions = {{"document-uploads", 1}, {"document-uploads", 2}};
  told.documents_per_second = 1.5;
  told.chunks_per_second = 212.25;
  told.tokens_per_second = 54'321.125;
  told.in_flight = 17;
  const auto before = core::Now();
  ASSERT_TRUE(instances().Beat(told));
  const auto listed = instances().List();
  ASSERT_TRUE(listed);
  ASSERT_EQ(listed->size(), 1u);
  const core::Instance& kept = listed->front();
  EXPECT_EQ(kept.id, told.id);
  EXPECT_EQ(kept.role, "server");
  EXPECT_EQ(kept.url, told.url);
  EXPECT_EQ(kept.version, told.version);
  EXPECT_EQ(kept.started_at, told.started_at);
  EXPECT_EQ(kept.applied, told.applied);
  EXPECT_EQ(kept.partitions, told.partitions);
  EXPECT_EQ(kept.documents_per_second, 1.5);
  EXPECT_EQ(kept.chunks_per_second, 212.25);
  EXPECT_EQ(kept.tokens_per_second, 54'321.125);
  EXPECT_EQ(kept.in_flight, 17);
  EXPECT_GE(kept.heartbeat, before - seconds(2)) << "the store's clock, on this machine";
  EXPECT_LE(kept.heartbeat, core::Now() + seconds(2));
}

TEST_P(InstancesContract, ABeatReplacesWhatWasSaidBefore) {
  core::Instance instance = Named("one");
  instance.partitions = {{"document-uploads", 0}};
  instance.in_flight = 3;
  ASSERT_TRUE(instances().Beat(instance));
  instance.partitions.clear();
  instance.in_flight = 0;
  ASSERT_TRUE(instances().Beat(instance));
  const auto listed = instances().List();
  ASSERT_EQ(listed->size(), 1u);
  EXPECT_THAT(listed->front().partitions, IsEmpty());
  EXPECT_EQ(listed->front().in_flight, 0);
}

TEST_P(InstancesContract, ListsByRoleThenStartThenId) {
  for (const core::Instance& instance : {Named("d", "worker", 5), Named("c", "worker", 1), Named("b", "worker", 5),
                                         Named("a", "worker", 9), Named("e", "server", 7)}) {
    ASSERT_TRUE(instances().Beat(instance));
  }
  EXPECT_THAT(Ids(), ElementsAre("e", "c", "b", "d", "a"));
}

TEST_P(InstancesContract, WhoLeavesIsGoneAtOnce) {
  ASSERT_TRUE(instances().Beat(Named("stays")));
  ASSERT_TRUE(instances().Beat(Named("goes")));
  ASSERT_TRUE(instances().Leave("goes"));
  ASSERT_TRUE(instances().Leave("never came"));
  EXPECT_THAT(Ids(), ElementsAre("stays"));
}

TEST_P(InstancesContract, WhoFallsSilentIsGoneUntilItBeatsAgain) {
  ASSERT_TRUE(instances().Beat(Named("beats")));
  ASSERT_TRUE(instances().Beat(Named("silent")));
  std::this_thread::sleep_for(core::kHeartbeatExpiry / 2);
  ASSERT_TRUE(instances().Beat(Named("beats")));
  EXPECT_THAT(Ids(), ElementsAre("beats", "silent"));
  std::this_thread::sleep_for(core::kHeartbeatExpiry / 2 + milliseconds(500));
  EXPECT_THAT(Ids(), ElementsAre("beats"));
  ASSERT_TRUE(instances().Beat(Named("silent")));
  EXPECT_THAT(Ids(), ElementsAre("beats", "silent"));
}

TEST_P(InstancesContract, ALeaseHasOneHolder) {
  EXPECT_TRUE(*instances().Acquire("sweep", "one", seconds(60)));
  EXPECT_FALSE(*instances().Acquire("sweep", "two", seconds(60)));
  EXPECT_TRUE(*instances().Acquire("sweep", "one", seconds(60))) << "its own is renewed";
  EXPECT_TRUE(*instances().Acquire("other", "two", seconds(60))) << "another lease";
}

TEST_P(InstancesContract, AnExpiredLeaseIsAnyonesAndARenewedOneIsNot) {
  ASSERT_TRUE(*instances().Acquire("sweep", "one", milliseconds(200)));
  ASSERT_TRUE(*instances().Acquire("long", "one", milliseconds(200)));
  ASSERT_TRUE(*instances().Acquire("long", "one", seconds(60)));
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT_TRUE(*instances().Acquire("sweep", "two", seconds(60)));
  EXPECT_FALSE(*instances().Acquire("sweep", "one", seconds(60)));
  EXPECT_FALSE(*instances().Acquire("long", "two", seconds(60)));
}

TEST_P(InstancesContract, OfManyWhoAskAtOnceOneGetsTheLease) {
  constexpr int kRounds = 10, kAsking = 6;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<int> holders{0};
    std::vector<std::thread> threads;
    for (int asking = 0; asking < kAsking; ++asking) {
      threads.emplace_back([&, asking] {
        const auto acquired =
            instances().Acquire("lease " + std::to_string(round), "holder " + std::to_string(asking), seconds(60));
        EXPECT_TRUE(acquired);
        if (acquired && *acquired) ++holders;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(holders, 1);
  }
}

}  // namespace
}  // namespace millrace::contract
