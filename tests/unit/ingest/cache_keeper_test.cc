#include "ingest/cache_keeper.h"

#include <gtest/gtest.h>

#include "unit/ingest/cache_fakes.h"

namespace millrace::ingest {
namespace {

using namespace std::chrono_literals;
using base::Deadline;
using core::CachedDocument;
using core::DocumentId;
using core::VectorKey;

constexpr std::size_t kDimensions = FakeFeed::kDimensions;

CachedDocument Published(DocumentId id, core::Version version, std::int32_t chunks) {
  return {id, version, 0, chunks,
          std::vector<float>(static_cast<std::size_t>(chunks) * kDimensions, static_cast<float>(version))};
}

struct Fixture {
  FaultyCache cache;
  FakeFeed feed;
  FakeInstances instances;
  base::Metrics metrics;
  CacheKeeper::Options options{20ms, 100ms, 300ms, 64 << 20};
  std::optional<CacheKeeper> keeper;

  CacheKeeper& Make() { return keeper.emplace(CacheKeeper::Ports{cache, feed, instances}, "me", metrics, options); }

  bool Holds(DocumentId id, core::Version version) {
    return cache.inside.Versions({&id, 1}, Deadline::AfterSeconds(1)).value().front().version == version;
  }
  bool HasKey(DocumentId id) { return cache.inside.Get(VectorKey(id, 0)).has_value(); }
  double Metric(const std::string& line) {
    const std::string text = metrics.Render();
    const auto at = text.find("\n" + line + " ");
    EXPECT_NE(at, std::string::npos) << line;
    return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
  }
};

TEST(CacheKeeper, WritesWhatWasPublishedWithoutAskingTheStore) {
  Fixture f;
  f.instances.Hand("cache", "another");
  f.Make().Start();
  f.keeper->Stored(Published(1, 2, 3));
  EXPECT_TRUE(Eventually([&] { return f.Holds(1, 2); }));
  EXPECT_EQ(f.feed.loads, 0);
  EXPECT_EQ(f.Metric("millrace_cache_documents_written_total"), 1);
}

TEST(CacheKeeper, ReadsALongDocumentFromTheStore) {
  Fixture f;
  f.instances.Hand("cache", "another");
  f.feed.Index(1, 4, 700);
  f.Make().Start();
  CachedDocument document;
  document.id = 1;
  document.version = 4;
  f.keeper->Stored(document);
  EXPECT_TRUE(Eventually([&] { return f.Holds(1, 4); }));
  EXPECT_TRUE(f.cache.inside.Get(VectorKey(1, 699)));
}

TEST(CacheKeeper, ADeleteIsGoneWhenRemovedReturns) {
  Fixture f;
  f.options.removal_wait = 30s;
  f.feed.Index(1, 2, 3);
  f.Make().Start();
  ASSERT_TRUE(Eventually([&] { return f.Holds(1, 2); }));
  f.feed.Delete(1);
  f.keeper->Removed(1);
  EXPECT_FALSE(f.HasKey(1));
  f.keeper->Stored(Published(1, 2, 3));  // a worker that was slow to say so
  f.feed.Index(2, 1, 1);
  f.keeper->Stored(Published(2, 1, 1));
  ASSERT_TRUE(Eventually([&] { return f.Holds(2, 1); }));
  EXPECT_FALSE(f.HasKey(1));
}

TEST(CacheKeeper, AnOutageHoldsUpADeleteAMomentAndLosesNothing) {
  Fixture f;
  f.options.removal_wait = 2s;
  f.feed.Index(1, 1, 1);
  f.feed.Index(2, 1, 1);
  f.Make().Start();
  ASSERT_TRUE(Eventually([&] { return f.Holds(1, 1) && f.Holds(2, 1); }));
  f.cache.hangs = true;
  f.feed.Delete(1);
  auto started = Deadline::Clock::now();
  f.keeper->Removed(1);
  EXPECT_LT(Deadline::Clock::now() - started, 8s) << "a call to the cache may take ten";
  f.cache.down = true;
  f.cache.hangs = false;
  ASSERT_TRUE(Eventually([&] { return !f.keeper->up(); }));
  f.feed.Delete(2);
  started = Deadline::Clock::now();
  f.keeper->Removed(2);
  EXPECT_LT(Deadline::Clock::now() - started, f.options.removal_wait) << "known to be away: not waited for";
  f.feed.Index(3, 1, 1);
  f.keeper->Stored(Published(3, 1, 1));
  f.cache.down = false;
  EXPECT_TRUE(Eventually([&] { return !f.HasKey(1) && !f.HasKey(2) && f.Holds(3, 1); }));
  EXPECT_TRUE(Eventually([&] { return f.keeper->up(); }));  // a call that failed before may be noted only now
}

TEST(CacheKeeper, WhatDoesNotFitTheQueueIsFoundByComparing) {
  Fixture f;
  f.options.queue_bytes = 10 * kDimensions * sizeof(float);
  f.cache.down = true;
  f.Make().Start();
  for (DocumentId id = 1; id <= 50; ++id) {
    f.feed.Index(id, 1, 1);
    f.keeper->Stored(Published(id, 1, 1));
  }
  EXPECT_GE(f.Metric("millrace_cache_documents_deferred_total"), 30);
  f.cache.down = false;
  for (DocumentId id = 1; id <= 50; ++id) EXPECT_TRUE(Eventually([&] { return f.Holds(id, 1); })) << id;
}

TEST(CacheKeeper, ComparingPutsWhatIsMissingOrOlderAndNothingElse) {
  Fixture f;
  for (DocumentId id = 1; id <= 2500; ++id) f.feed.Index(id, 3, 1);
  f.feed.Index(7, 3, 1, 2);
  f.feed.Index(8, 3, 1500);
  for (DocumentId id = 1000; id <= 2400; ++id) {
    const auto document = Published(id, id == 2000 ? 2 : 3, 1);
    ASSERT_TRUE(f.cache.inside.Put({&document, 1}, Deadline::AfterSeconds(1)));
  }
  ASSERT_TRUE(f.Make().Reconcile());
  for (DocumentId id = 1; id <= 2500; ++id) ASSERT_TRUE(f.Holds(id, 3)) << id;
  EXPECT_TRUE(f.cache.inside.Get(VectorKey(8, 1499)));
  EXPECT_EQ(f.feed.loads, 2500 - 1400);
  EXPECT_EQ(f.Metric("millrace_cache_documents_reconciled_total"), 1100);
  f.feed.loads = 0;
  ASSERT_TRUE(f.keeper->Reconcile());
  EXPECT_EQ(f.feed.loads, 0) << "all was there";
}

TEST(CacheKeeper, ComparingRemovesDeletedDocumentsAndLeavesThoseOfOtherPrograms) {
  Fixture f;
  for (DocumentId id = 1; id <= 5; ++id) f.feed.Index(id, 1, 2);
  ASSERT_TRUE(f.Make().Reconcile());
  f.feed.Delete(2);
  f.cache.inside.Set("emb:doc77:chunk0", "a row that nobody took over yet");
  ASSERT_TRUE(f.keeper->Reconcile());
  EXPECT_FALSE(f.HasKey(2));
  EXPECT_TRUE(f.HasKey(1));
  EXPECT_TRUE(f.HasKey(77));
  EXPECT_EQ(f.Metric("millrace_cache_documents_removed_total"), 1);
}

TEST(CacheKeeper, ADamagedDocumentKeepsNoOtherOut) {
  Fixture f;
  for (DocumentId id = 1; id <= 200; ++id) f.feed.Index(id, 1, 1);
  f.feed.damaged = 100;
  ASSERT_TRUE(f.Make().Reconcile());
  for (DocumentId id = 1; id <= 200; ++id) EXPECT_EQ(f.Holds(id, 1), id != 100) << id;
}

TEST(CacheKeeper, AFlushIsNoticedBetweenComparisons) {
  Fixture f;
  f.options.interval = 1h;
  for (DocumentId id = 1; id <= 20; ++id) f.feed.Index(id, 1, 2);
  f.Make().Start();
  ASSERT_TRUE(Eventually([&] { return f.Holds(20, 1) && f.Holds(0, 1); }));
  f.cache.inside.Clear();
  EXPECT_TRUE(Eventually([&] { return f.Holds(1, 1) && f.Holds(20, 1); }));
}

TEST(CacheKeeper, AComparisonThatBreaksOffIsDoneAgain) {
  Fixture f;
  f.options.interval = 1h;
  for (DocumentId id = 1; id <= 300; ++id) f.feed.Index(id, 1, 2);
  f.cache.fails_after = 7;
  f.Make().Start();
  ASSERT_TRUE(Eventually([&] { return f.cache.down.load(); }));
  EXPECT_FALSE(f.Holds(0, 1)) << "not filled";
  f.cache.down = false;
  EXPECT_TRUE(Eventually([&] { return f.Holds(300, 1); }));
}

TEST(CacheKeeper, AnOutageOfTheStoreIsWaitedOut) {
  Fixture f;
  f.feed.Index(1, 1, 2);
  f.feed.down = true;
  f.Make().Start();
  CachedDocument unread;
  unread.id = 1;
  unread.version = 1;
  f.keeper->Stored(unread);
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(f.keeper->up()) << "it is not the cache that is away";
  f.feed.down = false;
  EXPECT_TRUE(Eventually([&] { return f.Holds(1, 1); }));
}

TEST(CacheKeeper, OnlyTheHolderOfTheLeaseCompares) {
  Fixture f;
  f.feed.Index(1, 1, 2);
  f.instances.Hand("cache", "another");
  f.Make().Start();
  std::this_thread::sleep_for(150ms);
  EXPECT_FALSE(f.Holds(1, 1));
  f.instances.Hand("cache", "me");
  EXPECT_TRUE(Eventually([&] { return f.Holds(1, 1); }));
}

TEST(CacheKeeper, StopWritesWhatWaitsAndDoesNotWaitForAnOutage) {
  Fixture f;
  f.instances.Hand("cache", "another");
  f.Make().Start();
  for (DocumentId id = 1; id <= 500; ++id) f.keeper->Stored(Published(id, 1, 1));
  f.keeper->Stop(Deadline::AfterSeconds(10));
  EXPECT_TRUE(f.Holds(500, 1));

  Fixture away;
  away.cache.down = true;
  away.Make().Start();
  away.keeper->Stored(Published(1, 1, 1));
  const auto started = Deadline::Clock::now();
  away.keeper->Stop(Deadline::AfterSeconds(10));
  EXPECT_LT(Deadline::Clock::now() - started, 8s) << "not until its deadline";
}

}  // namespace
}  // namespace millrace::ingest
