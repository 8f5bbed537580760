#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "adapters/redis/redis_cache.h"
#include "contract/redis_server.h"
#include "contract/vector_cache_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using base::Deadline;
using redis::RedisCache;

base::Status PutOne(RedisCache& cache, const core::CachedDocument& document, Deadline deadline = Soon()) {
  return cache.Put({&document, 1}, deadline);
}

/// What the server holds of `document` is all of it and nothing else.
void ExpectHeld(const redis::RedisOptions& options, RedisCache& cache, const core::CachedDocument& document) {
  EXPECT_EQ(cache.Versions({&document.id, 1}, Soon()).value().front().version, document.version);
  std::vector<redis::Command> commands;
  for (std::int32_t chunk = 0; chunk < document.chunks; ++chunk) {
    commands.push_back({"GET", core::VectorKey(document.id, chunk)});
  }
  commands.push_back({"KEYS", "emb:doc" + std::to_string(document.id) + ":chunk*"});
  const auto replies = RunRedis(options, commands);
  for (std::int32_t chunk = 0; chunk < document.chunks; ++chunk) {
    ASSERT_EQ(replies[static_cast<std::size_t>(chunk)].text, ValueOf(document, chunk)) << "chunk " << chunk;
  }
  EXPECT_EQ(replies.back().list.size(), static_cast<std::size_t>(document.chunks));
}

TEST(Redis, StartsDownAndComesUp) {
  RedisServer server;
  RedisCache cache(server.options());
  const auto down = PutOne(cache, MakeCached(1, 1, 2));
  ASSERT_FALSE(down);
  EXPECT_EQ(down.error().code, Code::kUnavailable);
  EXPECT_EQ(down.error().message, "redis at 127.0.0.1:" + std::to_string(server.port()) + ": Connection refused");
  server.Start();
  ASSERT_TRUE(PutOne(cache, MakeCached(1, 1, 2)));
  ExpectHeld(server.options(), cache, MakeCached(1, 1, 2));
}

TEST(Redis, ALostConnectionIsOpenedAgainWithoutAnError) {
  RedisServer server;
  server.Start();
  RedisCache cache(server.options());
  ASSERT_TRUE(PutOne(cache, MakeCached(1, 1, 2)));
  server.Kill();
  EXPECT_FALSE(PutOne(cache, MakeCached(1, 2, 2)));
  server.Start();
  EXPECT_TRUE(PutOne(cache, MakeCached(1, 3, 2)));
  RunRedis(server.options(), {{"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}});
  EXPECT_TRUE(PutOne(cache, MakeCached(1, 4, 2))) << "the connection broke while it lay idle";
  ExpectHeld(server.options(), cache, MakeCached(1, 4, 2));
}

TEST(Redis, LearnsItsScriptsAgain) {
  RedisServer server;
  server.Start();
  RedisCache cache(server.options());
  ASSERT_TRUE(PutOne(cache, MakeCached(1, 1, 600)));
  RunRedis(server.options(), {{"SCRIPT", "FLUSH"}});
  ASSERT_TRUE(PutOne(cache, MakeCached(1, 2, 700)));
  ExpectHeld(server.options(), cache, MakeCached(1, 2, 700));
}

/// Documents are written without end while the server is killed and comes back empty; each writer only tries again.
TEST(Redis, KilledAndRestartedInTheMiddleOfPuts) {
  RedisServer server;
  server.Start();
  RedisCache cache(server.options());
  std::atomic<bool> stop{false};
  std::atomic<core::Version> newest{0};
  std::thread writer([&] {
    for (core::Version version = 1; !stop; ++version) {
      const auto document = MakeCached(1, version, static_cast<std::int32_t>(version * 700 % 3000 + 1));
      while (!PutOne(cache, document, Deadline::AfterSeconds(5)))
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      newest = version;
    }
  });
  for (int kill = 0; kill < 6; ++kill) {
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    server.Kill();
    server.Start();
  }
  for (const Deadline patience = Soon(); newest <= 5 && !patience.expired();) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stop = true;
  writer.join();
  EXPECT_GT(newest, 5);
  ExpectHeld(server.options(), cache, MakeCached(1, newest, static_cast<std::int32_t>(newest * 700 % 3000 + 1)));
}

TEST(Redis, AFlushInTheMiddleOfALongDocumentLeavesNothingHalf) {
  RedisServer server;
  server.Start();
  RedisCache cache(server.options());
  std::atomic<bool> stop{false};
  std::thread flusher([&] {
    auto connection = redis::Connection::Open(server.options(), Soon()).value();
    const redis::Command flush{"FLUSHALL"};
    while (!stop) ASSERT_TRUE(connection->Run({&flush, 1}, Soon()));
  });
  int lost = 0;
  const Deadline patience = Soon();
  for (int round = 0; round < 30 || (lost == 0 && !patience.expired()); ++round) {
    const auto put = PutOne(cache, MakeCached(1, 1, 4000));
    if (put) continue;
    ++lost;
    EXPECT_NE(put.error().message.find("was emptied while document 1 was written"), std::string::npos)
        << put.error().message;
  }
  stop = true;
  flusher.join();
  EXPECT_GT(lost, 0);
  // A part may have come after the last flush: it counts as absent, and the next write makes it whole.
  if (cache.Versions(std::vector<core::DocumentId>{1}, Soon()).value().front().version != 0) {
    ExpectHeld(server.options(), cache, MakeCached(1, 1, 4000));
  }
  ASSERT_TRUE(PutOne(cache, MakeCached(1, 1, 4000)));
  ExpectHeld(server.options(), cache, MakeCached(1, 1, 4000));
}

TEST(Redis, AHangingServerCostsTheDeadlineAndNoMore) {
  RedisServer server;
  server.Start();
  RedisCache cache(server.options());
  ASSERT_TRUE(PutOne(cache, MakeCached(1, 1, 2)));
  server.Freeze();
  for (const std::int32_t chunks : {2, 200'000}) {  // the second does not fit the socket's buffers
    const auto document = MakeCached(1, 2, chunks);
    const auto started = Deadline::Clock::now();
    const auto put = PutOne(cache, document, Deadline::After(std::chrono::milliseconds(300)));
    const auto took = Deadline::Clock::now() - started;
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, Code::kDeadlineExceeded);
    EXPECT_EQ(put.error().message, "redis at 127.0.0.1:" + std::to_string(server.port()) + " did not answer in time");
    EXPECT_LT(took, std::chrono::seconds(4)) << "an exchange without that deadline takes five";
  }
  EXPECT_EQ(cache.Probe(std::chrono::milliseconds(100)).error().code, Code::kDeadlineExceeded);
  server.Thaw();
  EXPECT_TRUE(PutOne(cache, MakeCached(1, 3, 2)));
  ExpectHeld(server.options(), cache, MakeCached(1, 3, 2));
}

TEST(Redis, OneExchangeTakesNoLongerThanItsTimeout) {
  RedisServer server;
  server.Start();
  auto options = server.options();
  options.timeout = std::chrono::milliseconds(200);
  RedisCache cache(options);
  server.Freeze();
  const auto started = Deadline::Clock::now();
  EXPECT_FALSE(cache.Probe(std::chrono::seconds(30)));
  EXPECT_LT(Deadline::Clock::now() - started, std::chrono::seconds(5));
  server.Thaw();
}

TEST(Redis, PasswordsAndUsers) {
  RedisServer server;
  server.Start();
  RunRedis(server.options(), {{"CONFIG", "SET", "requirepass", "right horse"},
                              {"ACL", "SETUSER", "millrace", "on", ">battery", "~*", "+@all"}});
  auto options = server.options();
  const auto none = RedisCache(options).Probe(std::chrono::seconds(5));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("NOAUTH"), std::string::npos) << none.error().message;

  options.password = "wrong horse";
  const auto wrong = RedisCache(options).Probe(std::chrono::seconds(5));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kUnavailable);
  EXPECT_NE(wrong.error().message.find("WRONGPASS"), std::string::npos) << wrong.error().message;
  EXPECT_EQ(wrong.error().message.find("wrong horse"), std::string::npos) << "a secret in a message";

  options.password = "right horse";
  EXPECT_TRUE(RedisCache(options).Probe(std::chrono::seconds(5)));
  options.username = "millrace";
  options.password = "battery";
  options.database = 3;
  RedisCache cache(options);
  EXPECT_TRUE(PutOne(cache, MakeCached(1, 1, 2)));
  ExpectHeld(options, cache, MakeCached(1, 1, 2));
}

TEST(Redis, EntriesOfAnotherStoreAreAsGoodAsAbsent) {
  RedisServer server;
  server.Start();
  auto options = server.options();
  options.store = "first.1";
  RedisCache first(options);
  ASSERT_TRUE(PutOne(first, MakeCached(1, 5, 4)));
  ASSERT_TRUE(PutOne(first, MakeCached(2, 5, 2)));
  ASSERT_TRUE(first.Remove(2, 5, Soon()));
  options.store = "first.2";
  RedisCache second(options);
  const std::vector<core::DocumentId> ids{1};
  EXPECT_EQ(second.Versions(ids, Soon()).value().front().version, 0);
  ASSERT_TRUE(PutOne(second, MakeCached(1, 1, 2)));
  ExpectHeld(options, second, MakeCached(1, 1, 2));
  ASSERT_TRUE(PutOne(second, MakeCached(2, 1, 3)));
  ExpectHeld(options, second, MakeCached(2, 1, 3));
}

TEST(Redis, MoreThreadsThanConnections) {
  RedisServer server;
  server.Start();
  auto options = server.options();
  options.pool_size = 2;
  RedisCache cache(options);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) EXPECT_TRUE(PutOne(cache, MakeCached(thread + 1, i + 1, i % 7)));
    });
  }
  for (auto& thread : threads) thread.join();
  for (int thread = 0; thread < 8; ++thread) ExpectHeld(options, cache, MakeCached(thread + 1, 50, 0));
  const auto clients = RunRedis(options, {{"INFO", "clients"}}).front().text;
  EXPECT_NE(clients.find("connected_clients:3"), std::string::npos) << clients;
}

TEST(Redis, AFullServerIsSaid) {
  RedisServer server({"--maxmemory", "3mb", "--maxmemory-policy", "noeviction"});
  server.Start();
  RedisCache cache(server.options());
  core::CachedDocument large{1, 1, 0, 4000, std::vector<float>(4000 * 384, 0.5f)};
  const auto put = PutOne(cache, large);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Code::kUnavailable);
  EXPECT_NE(put.error().message.find("OOM"), std::string::npos) << put.error().message;
  RunRedis(server.options(), {{"CONFIG", "SET", "maxmemory", "0"}});
  EXPECT_EQ(cache.Versions(std::vector<core::DocumentId>{1}, Soon()).value().front().version, 0) << "it is not whole";
  EXPECT_TRUE(PutOne(cache, MakeCached(1, 1, 10)));
}

}  // namespace
}  // namespace millrace::contract
