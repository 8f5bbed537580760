#include <gtest/gtest.h>

#include <thread>

#include "adapters/redis/redis_cache.h"
#include "contract/redis_server.h"
#include "ingest/cache_keeper.h"
#include "unit/ingest/cache_fakes.h"

namespace millrace::contract {
namespace {

using namespace std::chrono_literals;
using base::Deadline;
using ingest::CacheKeeper;

constexpr core::DocumentId kDocuments = 300;

struct Kept {
  RedisServer server;
  ingest::FakeFeed feed;
  ingest::FakeInstances instances;
  base::Metrics metrics;
  redis::RedisCache cache{server.options()};
  CacheKeeper keeper{{cache, feed, instances}, "me", metrics, {50ms, 500ms, 500ms, 64 << 20}};

  /// All that the store has is there, and the connection that asks is new.
  bool IsWhole() {
    redis::RedisCache eye(server.options());
    std::vector<core::DocumentId> ids;
    std::vector<std::string> keys;
    const auto stored = feed.ListVersions(0, 100'000).value();
    for (const auto& document : stored) {
      ids.push_back(document.id);
      keys.push_back(core::VectorKey(document.id, 1));
    }
    const auto deadline = Deadline::AfterSeconds(5);
    const auto versions = eye.Versions(ids, deadline);
    const auto vectors = eye.Read(keys, ingest::FakeFeed::kDimensions, deadline);
    if (!versions || !vectors) return false;
    for (std::size_t i = 0; i < stored.size(); ++i) {
      const auto value = static_cast<float>(stored[i].version);
      if ((*versions)[i].version != stored[i].version) return false;
      if ((*vectors)[i] != std::vector<float>(ingest::FakeFeed::kDimensions, value)) return false;
    }
    return true;
  }
};

TEST(RedisKeeper, AFlushedServerIsFilledAgain) {
  Kept kept;
  kept.server.Start();
  for (core::DocumentId id = 1; id <= kDocuments; ++id) kept.feed.Index(id, 1, 3);
  kept.keeper.Start();
  ASSERT_TRUE(Eventually([&] { return kept.IsWhole(); }));
  EXPECT_EQ(RunRedis(kept.server.options(), {{"FLUSHALL"}, {"DBSIZE"}}).back().integer, 0);
  EXPECT_TRUE(Eventually([&] { return kept.IsWhole(); }));
}

/// Versions go on being published while the server dies again and again; in the end it holds the newest of each.
TEST(RedisKeeper, AServerThatDiesAgainAndAgainEndsWhole) {
  Kept kept;
  kept.keeper.Start();
  std::thread pipeline([&] {
    for (core::Version version = 1; version <= 10; ++version) {
      for (core::DocumentId id = 1; id <= kDocuments; ++id) {
        const std::size_t chunks = static_cast<std::size_t>(id % 5) + 2;
        kept.feed.Index(id, version, chunks);
        kept.keeper.Stored({id, version, 0, static_cast<std::int32_t>(chunks),
                            std::vector<float>(chunks * ingest::FakeFeed::kDimensions, static_cast<float>(version))});
      }
      std::this_thread::sleep_for(60ms);
    }
  });
  for (int life = 0; life < 4; ++life) {
    kept.server.Start();
    std::this_thread::sleep_for(100ms);
    kept.server.Kill();
  }
  pipeline.join();
  kept.feed.Delete(7);
  kept.keeper.Removed(7);
  kept.server.Start();
  EXPECT_TRUE(Eventually([&] { return kept.IsWhole(); }));
  EXPECT_TRUE(Eventually([&] {
    return RunRedis(kept.server.options(), {{"EXISTS", core::VectorKey(7, 0)}}).front().integer == 0;
  }));
  EXPECT_TRUE(Eventually([&] { return kept.keeper.up(); }));
}

}  // namespace
}  // namespace millrace::contract
