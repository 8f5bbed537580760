#include "ingest/takeover.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "unit/ingest/cache_fakes.h"
#include "unit/ingest/pipeline_fixture.h"

namespace millrace::ingest {
namespace {

using namespace std::chrono_literals;
using core::DocumentId;
using core::ForeignDocument;

std::string Raw(const std::vector<float>& floats) {
  return {reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)};
}

/// Rows of another program, and what was decided on them.
class FakeRows final : public core::ForeignRows {
 public:
  struct Row {
    ForeignDocument document;
    core::Timestamp changed;
    std::optional<std::vector<float>> adopted;
    bool queued = false, indexed_by_others = false;
  };
  std::map<DocumentId, Row> rows;
  std::set<DocumentId> vanished, refuses, left;
  int works = -1;  // calls that still work; -1: all
  std::size_t largest_find = 0;

  void Add(DocumentId id, std::vector<std::string> texts, core::Timestamp changed) {
    Row& row = rows[id];
    row.document.id = id;
    row.changed = changed;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto index = static_cast<std::int32_t>(i);
      row.document.chunks.push_back({id * 100 + index, index, texts[i], core::VectorKey(id, index)});
    }
  }

  base::Result<std::vector<ForeignDocument>> Find(core::Timestamp settled, DocumentId after,
                                                  std::size_t limit) override {
    RETURN_IF_ERROR(Meet());
    std::vector<ForeignDocument> found;
    for (const auto& [id, row] : rows) {
      if (found.size() == limit) break;
      if (id > after && !row.adopted && !row.queued && row.changed <= settled) found.push_back(row.document);
    }
    largest_find = std::max(largest_find, found.size());
    return found;
  }
  base::Result<bool> Adopt(const ForeignDocument& document, const std::vector<float>& vectors) override {
    RETURN_IF_ERROR(Meet());
    if (refuses.contains(document.id)) return base::Error{base::Code::kInvalidArgument, "no such encoding", {}};
    Row& row = rows.at(document.id);
    if (row.indexed_by_others) return false;
    EXPECT_FALSE(row.adopted) << "adopted twice";
    EXPECT_EQ(vectors.size(), document.chunks.size() * 4);
    row.adopted = vectors;
    return true;
  }
  base::Result<std::vector<DocumentId>> FindLeft(std::size_t limit) override {
    RETURN_IF_ERROR(Meet());
    return std::vector<DocumentId>(left.begin(),
                                   std::next(left.begin(), static_cast<std::ptrdiff_t>(std::min(limit, left.size()))));
  }
  base::Status Queue(DocumentId id) override {
    RETURN_IF_ERROR(Meet());
    if (refuses.contains(id)) return base::Error{base::Code::kInvalidArgument, "no such encoding", {}};
    EXPECT_TRUE(rows.at(id).document.chunks.empty());
    rows.at(id).queued = true;
    return {};
  }
  base::Result<std::int64_t> DeleteVanished() override {
    RETURN_IF_ERROR(Meet());
    const auto count = static_cast<std::int64_t>(vanished.size());
    vanished.clear();
    return count;
  }

 private:
  base::Status Meet() {
    if (works == 0) return Away("the store");
    if (works > 0) --works;
    return {};
  }
};

struct Fixture {
  FakeRows rows;
  FaultyCache cache;
  ScriptedEmbedder embedder;
  FakeInstances instances;
  base::Metrics metrics;
  int events = 0;
  core::Timestamp now{std::chrono::hours(24 * 365)};
  std::optional<Takeover> takeover;

  Fixture() { Restart(); }
  void Restart() {
    takeover.emplace(Takeover::Ports{rows, cache, embedder, instances}, "me", metrics, [this] { ++events; });
  }
  base::Status Round() { return takeover->Round(now); }
  /// A document of an hour ago whose vectors the cache has.
  void AddCached(DocumentId id, std::size_t chunks) {
    rows.Add(id, std::vector<std::string>(chunks, "text"), now - 1h);
    for (std::size_t i = 0; i < chunks; ++i) {
      cache.inside.Set(core::VectorKey(id, static_cast<std::int32_t>(i)), Raw(VectorOf(id, i)));
    }
  }
  static std::vector<float> VectorOf(DocumentId id, std::size_t chunk) {
    return {static_cast<float>(id), static_cast<float>(chunk), 0, 1};
  }
  const std::vector<float>& AdoptedOf(DocumentId id) { return rows.rows.at(id).adopted.value(); }
};

TEST(Takeover, AdoptsWithTheVectorsOfTheCacheAndEmbedsNothing) {
  Fixture f;
  for (DocumentId id = 1; id <= 200; ++id) f.AddCached(id, static_cast<std::size_t>(id % 4 + 1));
  ASSERT_TRUE(f.Round());
  EXPECT_EQ(f.embedder.texts_seen(), 0u);
  for (DocumentId id = 1; id <= 200; ++id) {
    const auto& vectors = f.AdoptedOf(id);
    for (std::size_t i = 0; i * 4 < vectors.size(); ++i) {
      ASSERT_EQ(std::vector<float>(vectors.begin() + static_cast<std::ptrdiff_t>(i * 4),
                                   vectors.begin() + static_cast<std::ptrdiff_t>(i * 4 + 4)),
                f.VectorOf(id, i));
    }
  }
  EXPECT_LE(f.rows.largest_find, 64u) << "a few at a time, however many there are";
  EXPECT_GT(f.events, 0);
  const std::string metrics = f.metrics.Render();
  EXPECT_NE(metrics.find("millrace_takeover_documents_total{outcome=\"adopted\"} 200\n"), std::string::npos);
  EXPECT_NE(metrics.find("millrace_takeover_chunks_total{vector=\"cache\"} 500\n"), std::string::npos);
}

TEST(Takeover, EmbedsOnlyWhatTheCacheLacksOrHasWrong) {
  Fixture f;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  f.rows.Add(1, {"a", "bb", "ccc", "dddd", "eeeee"}, f.now - 1h);
  f.cache.inside.Set("emb:doc1:chunk0", Raw({9, 9, 9, 9}));
  f.cache.inside.Set("emb:doc1:chunk1", Raw({1, 1, nan, 1}));
  f.cache.inside.Set("emb:doc1:chunk2", Raw({1, 1, 1}));
  f.cache.inside.Set("emb:doc1:chunk4", Raw({8, 8, 8, 8}));
  ASSERT_TRUE(f.Round());
  EXPECT_EQ(f.embedder.texts_seen(), 3u);
  // The scripted model gives a one by the length of the text.
  EXPECT_EQ(f.AdoptedOf(1), (std::vector<float>{9, 9, 9, 9, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 8, 8, 8, 8}));
}

TEST(Takeover, LeavesWhatMayStillChange) {
  Fixture f;
  f.AddCached(1, 1);
  f.rows.rows[1].changed = f.now - 2s;
  f.rows.Add(2, {}, f.now - 30s);
  f.rows.Add(3, {}, f.now - 61s);
  f.AddCached(4, 1);
  f.rows.rows[4].changed = f.now - 6s;
  ASSERT_TRUE(f.Round());
  EXPECT_FALSE(f.rows.rows[1].adopted);
  EXPECT_FALSE(f.rows.rows[2].queued) << "its worker may still be at it";
  EXPECT_TRUE(f.rows.rows[3].queued);
  EXPECT_TRUE(f.rows.rows[4].adopted);
  f.now += 60s;
  ASSERT_TRUE(f.Round());
  EXPECT_TRUE(f.rows.rows[1].adopted);
  EXPECT_TRUE(f.rows.rows[2].queued);
}

TEST(Takeover, ManyYoungDocumentsWithoutChunksHideNoneWithChunks) {
  Fixture f;
  for (DocumentId id = 1; id <= 150; ++id) f.rows.Add(id, {}, f.now - 30s);
  f.AddCached(500, 2);
  ASSERT_TRUE(f.Round());
  EXPECT_TRUE(f.rows.rows[500].adopted);
  EXPECT_FALSE(f.rows.rows[1].queued);
}

TEST(Takeover, WaitsForTheCacheInsteadOfEmbeddingAnew) {
  Fixture f;
  for (DocumentId id = 1; id <= 100; ++id) f.AddCached(id, 2);
  f.cache.fails_after = 2;
  const auto broken = f.Round();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message, "the cache is away");
  f.cache.hangs = true;
  EXPECT_FALSE(f.rows.rows[100].adopted);
  f.cache.hangs = false;
  f.cache.down = false;
  ASSERT_TRUE(f.Round());
  for (DocumentId id = 1; id <= 100; ++id) EXPECT_TRUE(f.rows.rows[id].adopted) << id;
  EXPECT_EQ(f.embedder.texts_seen(), 0u);
}

TEST(Takeover, AnotherProcessGoesOnWhereOneDied) {
  for (int calls = 0; calls < 60; ++calls) {
    Fixture f;
    for (DocumentId id = 1; id <= 40; ++id) f.AddCached(id, 1);
    for (DocumentId id = 41; id <= 45; ++id) f.rows.Add(id, {}, f.now - 1h);
    f.rows.works = calls;
    const bool done = f.Round().has_value();
    f.rows.works = -1;
    f.Restart();
    ASSERT_TRUE(f.Round());
    for (DocumentId id = 1; id <= 40; ++id) ASSERT_TRUE(f.rows.rows[id].adopted) << id << " after " << calls;
    for (DocumentId id = 41; id <= 45; ++id) ASSERT_TRUE(f.rows.rows[id].queued) << id << " after " << calls;
    if (calls == 59) {
      EXPECT_TRUE(done) << "the last run was to be undisturbed";
    }
  }
}

TEST(Takeover, TheModelIsWaitedFor) {
  Fixture f;
  f.rows.Add(1, {"a"}, f.now - 1h);
  f.embedder.FailTimes(1);
  EXPECT_FALSE(f.Round());
  EXPECT_FALSE(f.rows.rows[1].adopted);
  EXPECT_TRUE(f.Round());
  EXPECT_TRUE(f.rows.rows[1].adopted);
}

TEST(Takeover, WhatCannotBeTakenOverStopsNothingElse) {
  Fixture f;
  f.rows.Add(1, {"POISON"}, f.now - 1h);
  f.AddCached(2, 1);
  f.rows.refuses.insert(2);
  f.AddCached(3, 1);
  f.rows.rows[3].indexed_by_others = true;
  f.rows.Add(4, {}, f.now - 1h);
  f.rows.refuses.insert(4);
  for (DocumentId id = 5; id <= 100; ++id) f.rows.Add(id, {"fine"}, f.now - 1h);
  ASSERT_TRUE(f.Round());
  for (DocumentId id = 5; id <= 100; ++id) EXPECT_TRUE(f.rows.rows[id].adopted) << id;
  EXPECT_FALSE(f.rows.rows[1].adopted);
  const auto seen = f.embedder.texts_seen();
  ASSERT_TRUE(f.Round());
  EXPECT_EQ(f.embedder.texts_seen(), seen) << "what was refused is not tried again and again";
  EXPECT_NE(f.metrics.Render().find("millrace_takeover_documents_total{outcome=\"refused\"} 3\n"), std::string::npos);
}

TEST(Takeover, RowsBesideWhatIsIndexedAreReportedAndLeft) {
  Fixture f;
  f.rows.left = {4, 9};
  ASSERT_TRUE(f.Round());
  ASSERT_TRUE(f.Round());
  const auto left = [&] { return f.metrics.Render().find("millrace_takeover_documents_total{outcome=\"left\"} 2\n"); };
  EXPECT_NE(left(), std::string::npos) << "each once";
  EXPECT_EQ(f.events, 0);
}

TEST(Takeover, OnlyTheHolderOfTheLeaseTakesOver) {
  Fixture f;
  f.AddCached(1, 1);
  f.rows.vanished.insert(9);
  f.instances.Hand("takeover", "another");
  ASSERT_TRUE(f.Round());
  EXPECT_FALSE(f.rows.rows[1].adopted);
  EXPECT_EQ(f.rows.vanished.size(), 1u);
  f.instances.Hand("takeover", "me");
  ASSERT_TRUE(f.Round());
  EXPECT_TRUE(f.rows.rows[1].adopted);
  EXPECT_TRUE(f.rows.vanished.empty());
}

TEST(Takeover, ItsThreadDoesRoundsUntilStopped) {
  Fixture f;
  f.now = core::Now();
  f.AddCached(1, 1);
  f.takeover->Start();
  EXPECT_TRUE(Eventually([&] {
    return f.metrics.Render().find("millrace_takeover_documents_total{outcome=\"adopted\"} 1\n") != std::string::npos;
  }));
  f.takeover->Stop();
  EXPECT_TRUE(f.rows.rows[1].adopted);
}

}  // namespace
}  // namespace millrace::ingest
