#include "contract/vector_index_contract.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

namespace millrace::contract {

void VectorIndexContract::Apply(std::vector<core::IndexEntry> batch) {
  const auto status = index().Apply(std::move(batch));
  ASSERT_TRUE(status) << status.error().message;
}

std::vector<core::ScoredChunk> VectorIndexContract::Search(const std::vector<float>& vector, std::size_t top_k,
                                                           const core::Filter* filter, float min_score) {
  const auto found = index().Search({vector, top_k, min_score, filter});
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : std::vector<core::ScoredChunk>();
}

std::vector<std::pair<core::DocumentId, int>> VectorIndexContract::Held() {
  std::vector<float> vector(kDimensions);
  vector[0] = 1;
  std::map<core::DocumentId, int> held;
  for (const auto& hit : Search(vector, 1'000'000)) ++held[hit.document_id];
  return {held.begin(), held.end()};
}

namespace {

using core::Filter;
using core::IndexedVersion;
using core::IndexEntry;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::size_t kDim = 24;

std::vector<float> Unit(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDim);
  float norm = 0;
  for (auto& x : vector) {
    x = normal(random);
    norm += x * x;
  }
  for (auto& x : vector) x /= std::sqrt(norm);
  return vector;
}

/// Chunk ids are document × 100,000 + version × 100 + 0, 1, 2 …
IndexEntry MakeEntry(core::DocumentId id, core::Version version, int chunks, unsigned seed = 1) {
  std::mt19937 random(static_cast<unsigned>(id * 977 + version) + seed);
  IndexEntry entry;
  entry.id = id;
  entry.version = version;
  entry.present = true;
  entry.title = "title " + std::to_string(id);
  for (int i = 0; i < chunks; ++i) {
    entry.chunk_ids.push_back(id * 100'000 + version * 100 + i);
    const auto vector = Unit(random);
    entry.vectors.insert(entry.vectors.end(), vector.begin(), vector.end());
  }
  return entry;
}

IndexEntry MakeRemoval(core::DocumentId id, core::Version version) {
  IndexEntry entry;
  entry.id = id;
  entry.version = version;
  return entry;
}

std::vector<core::ScoredChunk> BruteForce(const std::vector<IndexEntry>& entries, const std::vector<float>& query) {
  std::vector<core::ScoredChunk> all;
  for (const auto& entry : entries) {
    for (std::size_t c = 0; c < entry.chunk_ids.size(); ++c) {
      double score = 0;
      for (std::size_t d = 0; d < kDim; ++d)
        score += static_cast<double>(query[d]) * static_cast<double>(entry.vectors[c * kDim + d]);
      all.push_back({entry.chunk_ids[c], entry.id, static_cast<float>(score)});
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.score != b.score ? a.score > b.score : a.chunk_id < b.chunk_id;
  });
  return all;
}

std::vector<core::ChunkId> Ids(const std::vector<core::ScoredChunk>& hits) {
  std::vector<core::ChunkId> ids;
  for (const auto& hit : hits) ids.push_back(hit.chunk_id);
  return ids;
}

Filter Equals(std::string field, core::MetadataScalar value) {
  Filter filter;
  filter.kind = Filter::Kind::kEquals;
  filter.field = std::move(field);
  filter.values = {std::move(value)};
  return filter;
}

TEST_P(VectorIndexContract, AnEmptyIndexFindsNothing) {
  EXPECT_THAT(Held(), IsEmpty());
  EXPECT_EQ(index().size().documents, 0);
  EXPECT_EQ(index().size().chunks, 0);
  EXPECT_EQ(index().Find(1)->version, 0);
  EXPECT_THAT(*index().ListVersions(0, 10), IsEmpty());
}

TEST_P(VectorIndexContract, FindsExactlyTheNearest) {
  std::vector<IndexEntry> entries;
  for (core::DocumentId id = 1; id <= 120; ++id) entries.push_back(MakeEntry(id, 1, static_cast<int>(id % 7)));
  std::vector<IndexEntry> first(entries.begin(), entries.begin() + 50), rest(entries.begin() + 50, entries.end());
  Apply(first);
  Apply(rest);
  std::mt19937 random(42);
  const float tolerance = GetParam().tolerance;
  for (int round = 0; round < 20; ++round) {
    const auto query = Unit(random);
    const auto truth = BruteForce(entries, query);
    std::map<core::ChunkId, float> score_of;
    for (const auto& hit : truth) score_of[hit.chunk_id] = hit.score;
    for (const std::size_t top_k : {1, 10, 100}) {
      const auto hits = Search(query, top_k);
      ASSERT_EQ(hits.size(), top_k);
      std::set<core::ChunkId> seen;
      for (std::size_t i = 0; i < top_k; ++i) {
        EXPECT_TRUE(seen.insert(hits[i].chunk_id).second);
        EXPECT_EQ(hits[i].document_id, hits[i].chunk_id / 100'000);
        EXPECT_NEAR(hits[i].score, truth[i].score, tolerance) << "rank " << i;
        EXPECT_NEAR(hits[i].score, score_of.at(hits[i].chunk_id), tolerance);
        if (i > 0) {
          EXPECT_GE(hits[i - 1].score, hits[i].score);
        }
      }
    }
  }
}

TEST_P(VectorIndexContract, EqualScoresComeByAscendingChunkId) {
  std::vector<IndexEntry> entries;
  for (core::DocumentId id : {5, 3, 9, 1, 7}) {
    entries.push_back(MakeEntry(id, 1, 2));
    entries.back().vectors = MakeEntry(4, 1, 1).vectors;  // all the same
    for (std::size_t d = 0; d < kDim; ++d) entries.back().vectors.push_back(entries.back().vectors[d]);
  }
  Apply(entries);
  const auto query = MakeEntry(4, 1, 1).vectors;
  EXPECT_THAT(Ids(Search(query, 4)), ElementsAre(100'100, 100'101, 300'100, 300'101));
  EXPECT_THAT(Ids(Search(query, 10)),
              ElementsAre(100'100, 100'101, 300'100, 300'101, 500'100, 500'101, 700'100, 700'101, 900'100, 900'101));
}

TEST_P(VectorIndexContract, MoreThanThereAreGivesAll) {
  Apply({MakeEntry(1, 1, 3), MakeEntry(2, 1, 2)});
  std::mt19937 random(1);
  EXPECT_EQ(Search(Unit(random), 1000).size(), 5u);
  EXPECT_EQ(Search(Unit(random), 0).size(), 0u);
}

TEST_P(VectorIndexContract, MinScoreCutsTheTail) {
  std::vector<IndexEntry> entries;
  for (core::DocumentId id = 1; id <= 30; ++id) entries.push_back(MakeEntry(id, 1, 2));
  Apply(entries);
  std::mt19937 random(5);
  const auto query = Unit(random);
  const auto truth = BruteForce(entries, query);
  const float bound = (truth[9].score + truth[10].score) / 2;
  EXPECT_EQ(Search(query, 100, nullptr, bound).size(), 10u);
  EXPECT_EQ(Search(query, 5, nullptr, bound).size(), 5u);
  EXPECT_EQ(Search(query, 100, nullptr, 1.5f).size(), 0u);
}

TEST_P(VectorIndexContract, AQueryOfAnotherDimensionIsRefused) {
  Apply({MakeEntry(1, 1, 1)});
  const std::vector<float> vector(kDim - 1, 0.1f);
  const auto found = index().Search({vector, 10, -1, nullptr});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, base::Code::kInvalidArgument);
}

TEST_P(VectorIndexContract, AFilterLeavesOnlyMatchingDocumentsAndFillsUp) {
  std::vector<IndexEntry> entries;
  for (core::DocumentId id = 1; id <= 60; ++id) {
    entries.push_back(MakeEntry(id, 1, 3));
    entries.back().key = "k" + std::to_string(id);
    entries.back().metadata["lang"] = core::MetadataScalar(std::string(id % 10 == 0 ? "de" : "en"));
  }
  Apply(entries);
  std::vector<IndexEntry> german;
  std::copy_if(entries.begin(), entries.end(), std::back_inserter(german),
               [](const auto& e) { return e.id % 10 == 0; });
  std::mt19937 random(3);
  const auto query = Unit(random);
  const auto truth = Ids(BruteForce(german, query));
  const Filter filter = Equals("metadata.lang", std::string("de"));
  EXPECT_EQ(Ids(Search(query, 10, &filter)), std::vector(truth.begin(), truth.begin() + 10));
  EXPECT_EQ(Ids(Search(query, 100, &filter)), truth);
  const Filter by_id = Equals("document_id", std::int64_t{7});
  EXPECT_EQ(Search(query, 100, &by_id).size(), 3u);
  const Filter by_key = Equals("key", std::string("k9"));
  EXPECT_EQ(Search(query, 100, &by_key).size(), 3u);
  const Filter by_title = Equals("title", std::string("title 8"));
  EXPECT_EQ(Search(query, 100, &by_title).size(), 3u);
  const Filter none = Equals("metadata.lang", std::string("fr"));
  EXPECT_THAT(Search(query, 100, &none), IsEmpty());
}

TEST_P(VectorIndexContract, ANewVersionReplacesTheChunksAndTheFields) {
  auto first = MakeEntry(1, 1, 5);
  first.metadata["lang"] = core::MetadataScalar(std::string("de"));
  Apply({first, MakeEntry(2, 1, 1)});
  Apply({MakeEntry(1, 2, 2)});
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 2), Pair(2, 1)));
  const Filter filter = Equals("metadata.lang", std::string("de"));
  EXPECT_THAT(Search(MakeEntry(1, 1, 1).vectors, 10, &filter), IsEmpty());
  EXPECT_EQ(index().Find(1)->version, 2);
  EXPECT_EQ(index().size().documents, 2);
  EXPECT_EQ(index().size().chunks, 3);
  EXPECT_GT(index().size().bytes, 0);
}

TEST_P(VectorIndexContract, WhatIsNotNewerIsIgnored) {
  auto entry = MakeEntry(1, 3, 3);
  entry.revision = 2;
  Apply({entry});
  Apply({MakeEntry(1, 2, 1), MakeEntry(1, 3, 1)});  // older version, older revision
  auto equal = MakeEntry(1, 3, 1);
  equal.revision = 2;
  Apply({equal});
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 3)));
  auto again = MakeEntry(1, 3, 4);
  again.revision = 3;
  Apply({again});
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 4)));
  EXPECT_EQ(*index().Find(1), (IndexedVersion{1, 3, 3}));
}

TEST_P(VectorIndexContract, ADocumentTwiceInABatchEndsAsItsNewest) {
  Apply({MakeEntry(1, 1, 1), MakeEntry(1, 2, 2), MakeEntry(1, 1, 3)});
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 2)));
}

TEST_P(VectorIndexContract, ADeletionOfTheVersionHeldRemoves) {
  Apply({MakeEntry(1, 2, 3), MakeEntry(2, 1, 1)});
  Apply({MakeRemoval(1, 2)});  // a document is deleted at its own version
  EXPECT_THAT(Held(), ElementsAre(Pair(2, 1)));
  EXPECT_EQ(index().Find(1)->version, 0);
  EXPECT_EQ(index().Find(1)->revision, 0);
  EXPECT_EQ(index().size().documents, 1);
  EXPECT_EQ(index().size().chunks, 1);
  EXPECT_THAT(*index().ListVersions(0, 10), ElementsAre(IndexedVersion{2, 1, 0}));
}

TEST_P(VectorIndexContract, ADeletionKeepsOlderVersionsOut) {
  Apply({MakeEntry(1, 2, 3)});
  Apply({MakeRemoval(1, 2)});
  Apply({MakeEntry(1, 1, 1), MakeEntry(1, 2, 1)});  // loaded before the delete, applied after it
  EXPECT_THAT(Held(), IsEmpty());
  Apply({MakeRemoval(5, 4)});  // of a document it never held
  Apply({MakeEntry(5, 4, 1)});
  EXPECT_THAT(Held(), IsEmpty());
  Apply({MakeEntry(1, 3, 2)});  // revived
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 2)));
}

TEST_P(VectorIndexContract, AnOlderDeletionRemovesNothing) {
  Apply({MakeEntry(1, 3, 2)});
  Apply({MakeRemoval(1, 2), MakeRemoval(1, 0)});
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 2)));
}

TEST_P(VectorIndexContract, ADocumentThatWasNotIndexedYetMayBeLater) {
  Apply({MakeRemoval(1, 0)});
  Apply({MakeEntry(1, 1, 2)});
  EXPECT_THAT(Held(), ElementsAre(Pair(1, 2)));
}

TEST_P(VectorIndexContract, ADocumentWithoutChunksIsHeld) {
  Apply({MakeEntry(1, 1, 0), MakeEntry(2, 1, 1)});
  EXPECT_EQ(index().Find(1)->version, 1);
  EXPECT_EQ(index().size().documents, 2);
  EXPECT_THAT(Held(), ElementsAre(Pair(2, 1)));
}

TEST_P(VectorIndexContract, ListVersionsPagesAscending) {
  std::vector<IndexedVersion> expected;
  for (core::DocumentId id : {9, 2, 7, 4, 5}) {
    Apply({MakeEntry(id, id, 1)});
    expected.push_back({id, id, 0});
  }
  std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  Apply({MakeRemoval(4, 4)});
  std::erase_if(expected, [](const auto& version) { return version.id == 4; });
  std::vector<IndexedVersion> seen;
  while (true) {
    const auto page = index().ListVersions(seen.empty() ? 0 : seen.back().id, 2);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 2u);
    seen.insert(seen.end(), page->begin(), page->end());
    ASSERT_LE(seen.size(), 5u);
  }
  EXPECT_EQ(seen, expected);
}

TEST_P(VectorIndexContract, ManyReplacementsLeaveOnlyTheNewest) {
  std::mt19937 random(11);
  std::map<core::DocumentId, IndexEntry> newest;
  for (int step = 0; step < 600; ++step) {
    const auto id = static_cast<core::DocumentId>(1 + random() % 40);
    const auto version = newest.contains(id) ? newest[id].version + 1 : 1;
    auto entry = random() % 5 == 0 ? MakeRemoval(id, version) : MakeEntry(id, version, static_cast<int>(random() % 6));
    newest[id] = entry;
    Apply({entry});
  }
  std::vector<IndexEntry> entries;
  std::int64_t documents = 0, chunks = 0;
  for (const auto& [id, entry] : newest) {
    entries.push_back(entry);
    documents += entry.present ? 1 : 0;
    chunks += static_cast<std::int64_t>(entry.chunk_ids.size());
  }
  EXPECT_EQ(index().size().documents, documents);
  EXPECT_EQ(index().size().chunks, chunks);
  auto expected = Ids(BruteForce(entries, Unit(random)));
  auto found = Ids(Search(Unit(random), 10'000));
  std::sort(expected.begin(), expected.end());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected);
}

TEST_P(VectorIndexContract, SearchesSeeEachDocumentWhollyInOneVersion) {
  constexpr core::Version kVersions = 60;
  const auto chunks_of = [](core::Version version) { return static_cast<int>(1 + version % 5); };
  Apply({MakeEntry(1, 1, chunks_of(1)), MakeEntry(2, 1, chunks_of(1))});
  std::atomic<bool> done = false;
  std::atomic<int> searches = 0;
  const auto search = [&] {
    std::vector<float> vector(kDim);
    vector[0] = 1;
    core::Version newest = 1;
    while (!done) {
      const auto found = index().Search({vector, 1000, -1, nullptr});
      ASSERT_TRUE(found);
      std::map<core::DocumentId, std::set<core::Version>> versions;
      std::map<core::DocumentId, int> counts;
      for (const auto& hit : *found) {
        versions[hit.document_id].insert(hit.chunk_id % 100'000 / 100);
        ++counts[hit.document_id];
      }
      for (const core::DocumentId id : {1, 2}) {
        ASSERT_EQ(versions[id].size(), 1u);
        const auto version = *versions[id].begin();
        ASSERT_EQ(counts[id], chunks_of(version));
        if (id == 1) {
          ASSERT_GE(version, newest);  // never backwards
          newest = version;
        }
      }
      ++searches;
    }
  };
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) readers.emplace_back(search);
  for (core::Version version = 2; version <= kVersions; ++version) {
    Apply({MakeEntry(1, version, chunks_of(version)), MakeEntry(2, version, chunks_of(version))});
    EXPECT_EQ(index().Find(2)->version, version);  // visible when Apply returned
    std::this_thread::yield();
  }
  while (searches < 10 && !HasFatalFailure()) std::this_thread::yield();
  done = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace millrace::contract
