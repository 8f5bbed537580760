#include <gtest/gtest.h>

#include "unit/ingest/cache_fakes.h"
#include "unit/ingest/pipeline_fixture.h"

namespace millrace::ingest {
namespace {

using base::Deadline;

/// The pipeline with a cache behind it; comparing with the store is left to another process.
struct CachedPipeline : PipelineFixture {
  FaultyCache cache;
  FakeInstances instances;
  // A delete is held up until the keys are gone, however slow this machine is.
  CacheKeeper keeper{{cache, store.index_feed(), instances}, "me", metrics, {.removal_wait = std::chrono::seconds(30)}};
  DocumentProcessor cached{
      {store.effects(), store.contents(), embedder, &keeper}, "worker-1", {identity, {}}, metrics, stop, [] {}};

  CachedPipeline() {
    instances.Hand("cache", "another");
    keeper.Start();
  }

  Processed Index(const core::Accepted& accepted) {
    std::vector<Upload> batch;
    batch.push_back(UploadOf(accepted));
    return cached.Process(std::move(batch), Deadline::AfterSeconds(30)).front();
  }

  /// The cache says that it holds what the store holds, and does.
  bool EqualsStore(core::DocumentId id) {
    const core::IndexEntry entry = store.index_feed().Load({&id, 1}).value().front();
    const auto held = cache.inside.Versions({&id, 1}, Deadline::AfterSeconds(1)).value().front();
    if (held.version != (entry.present ? entry.version : 0) || held.revision != (entry.present ? entry.revision : 0)) {
      return false;
    }
    for (std::size_t chunk = 0; chunk < entry.chunk_ids.size(); ++chunk) {
      const auto* vector = reinterpret_cast<const char*>(entry.vectors.data() + chunk * 4);
      if (cache.inside.Get(core::VectorKey(id, static_cast<std::int32_t>(chunk))) != std::string(vector, 16))
        return false;
    }
    return !cache.inside.Get(core::VectorKey(id, static_cast<std::int32_t>(entry.chunk_ids.size())));
  }
};

TEST(CachedPipeline, TheCacheFollowsWhatIsCommitted) {
  CachedPipeline f;
  const auto first = f.Accept("One sentence. Another one. A third.", "k");
  ASSERT_EQ(f.Index(first).kind, Processed::Kind::kIndexed);
  EXPECT_TRUE(Eventually([&] { return f.EqualsStore(first.id); }));
  const auto second = f.Accept("A single one.", "k");
  ASSERT_EQ(f.Index(second).kind, Processed::Kind::kIndexed);
  EXPECT_TRUE(Eventually([&] { return f.EqualsStore(first.id); }));
  EXPECT_TRUE(f.cache.inside.Get(core::VectorKey(first.id, 0)));
  ASSERT_TRUE(f.store.documents().Delete(first.id, Deadline::AfterSeconds(5)));
  f.keeper.Removed(first.id);
  EXPECT_TRUE(f.EqualsStore(first.id));
  EXPECT_FALSE(f.cache.inside.Get(core::VectorKey(first.id, 0)));
}

TEST(CachedPipeline, AStagedDocumentComesFromTheStore) {
  CachedPipeline f;
  std::string content;
  for (int i = 0; i < 600; ++i) content += "Sentence number " + std::to_string(i) + ". ";
  const auto accepted = f.Accept(content);
  const auto processed = f.Index(accepted);
  ASSERT_EQ(processed.chunks, 600);
  EXPECT_TRUE(Eventually([&] { return f.EqualsStore(accepted.id); }));
  EXPECT_TRUE(f.cache.inside.Get(core::VectorKey(accepted.id, 599)));
}

TEST(CachedPipeline, AnOutageOfTheCacheIsNoneOfThePipeline) {
  CachedPipeline f;
  f.cache.hangs = true;
  const auto accepted = f.Accept("One sentence.");
  const auto started = Deadline::Clock::now();
  EXPECT_EQ(f.Index(accepted).kind, Processed::Kind::kIndexed);
  EXPECT_LT(Deadline::Clock::now() - started, std::chrono::seconds(8)) << "a call to the cache may take ten";
  f.cache.hangs = false;
  EXPECT_TRUE(Eventually([&] { return f.EqualsStore(accepted.id); }));
}

}  // namespace
}  // namespace millrace::ingest
