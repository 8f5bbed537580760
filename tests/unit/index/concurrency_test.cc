#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "index/exact_vector_index.h"

namespace millrace::index {
namespace {

constexpr core::DocumentId kDocuments = 40;
constexpr std::size_t kChunks = 30;  // of every version: some documents lie across two blocks
constexpr std::size_t kDimension = 8;

/// Chunk ids tell document, version and number apart.
core::IndexEntry Entry(core::DocumentId id, core::Version version) {
  core::IndexEntry entry;
  entry.id = id;
  entry.version = version;
  entry.present = true;
  entry.metadata["version"] = core::MetadataScalar(version);
  for (std::size_t i = 0; i < kChunks; ++i) {
    entry.chunk_ids.push_back((id * 100'000 + version) * 100 + static_cast<core::ChunkId>(i));
    for (std::size_t d = 0; d < kDimension; ++d) {
      entry.vectors.push_back(static_cast<float>((i + d + static_cast<std::size_t>(id)) % 7) - 3);
    }
  }
  return entry;
}

/// Every chunk of every document exactly once, all of one version, and never an older one than was seen before.
void ExpectWhole(const std::vector<core::ScoredChunk>& hits, std::vector<core::Version>& seen) {
  ASSERT_EQ(hits.size(), kDocuments * kChunks);
  std::vector<core::Version> versions(kDocuments + 1);
  for (const core::ScoredChunk& hit : hits) {
    const core::Version version = hit.chunk_id / 100 % 100'000;
    core::Version& known = versions[static_cast<std::size_t>(hit.document_id)];
    ASSERT_TRUE(known == 0 || known == version) << "document " << hit.document_id << " in two versions";
    known = version;
  }
  for (std::size_t id = 1; id < versions.size(); ++id) {
    ASSERT_GE(versions[id], seen[id]) << "document " << id << " went back";
    seen[id] = versions[id];
  }
}

TEST(Concurrency, SearchesSeeEachDocumentWhollyInOneVersion) {
  ExactVectorIndex index;
  std::vector<core::IndexEntry> first;
  for (core::DocumentId id = 1; id <= kDocuments; ++id) first.push_back(Entry(id, 1));
  ASSERT_TRUE(index.Apply(std::move(first)));

  std::atomic<bool> done = false;
  std::atomic<int> searches = 0;
  std::vector<std::thread> readers;
  for (int r = 0; r < 3; ++r) {
    readers.emplace_back([&] {
      std::vector<core::Version> seen(kDocuments + 1);
      const std::vector<float> query = {1, 2, 3, -1, -2, -3, 1, 0};
      while (!done && !testing::Test::HasFatalFailure()) {
        const auto hits = index.Search({query, 10'000, -1, nullptr});
        ASSERT_TRUE(hits);
        ExpectWhole(*hits, seen);
        ++searches;
      }
    });
  }
  // Two documents of each batch are replaced at once; dead rows pile up all the time, so that blocks are compacted
  // meanwhile.
  for (core::Version version = 2; version < 600 || searches < 200; ++version) {
    const core::DocumentId id = 1 + version * 7 % kDocuments;
    ASSERT_TRUE(index.Apply({Entry(id, version), Entry(id % kDocuments + 1, version)}));
    ASSERT_EQ(index.Find(id)->version, version);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_LT(index.size().bytes, 40'000 * static_cast<std::int64_t>(kDocuments * kChunks)) << "nothing was compacted";
}

TEST(Concurrency, ARemovalIsVisibleWhenApplyReturns) {
  ExactVectorIndex index;
  const std::vector<float> query = {1, 0, 0, 0, 0, 0, 0, 0};
  std::atomic<bool> done = false;
  std::thread reader([&] {
    while (!done) ASSERT_TRUE(index.Search({query, 100, -1, nullptr}));
  });
  for (core::Version version = 1; version < 500; ++version) {
    ASSERT_TRUE(index.Apply({Entry(1, version)}));
    ASSERT_EQ(index.Search({query, 100, -1, nullptr})->size(), kChunks);
    core::IndexEntry removal;
    removal.id = 1;
    removal.version = version;
    ASSERT_TRUE(index.Apply({removal}));
    ASSERT_TRUE(index.Search({query, 100, -1, nullptr})->empty());
  }
  done = true;
  reader.join();
}

TEST(Concurrency, SeveralWritersDoNotLoseWrites) {
  ExactVectorIndex index;
  std::vector<std::thread> writers;
  for (core::DocumentId writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&index, writer] {
      for (core::Version version = 1; version <= 100; ++version) {
        ASSERT_TRUE(index.Apply({Entry(writer + 1, version), Entry(10, writer + 4 * version)}));
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (core::DocumentId id = 1; id <= 4; ++id) EXPECT_EQ(index.Find(id)->version, 100);
  EXPECT_EQ(index.Find(10)->version, 403);
  EXPECT_EQ(index.size().chunks, static_cast<std::int64_t>(5 * kChunks));
}

}  // namespace
}  // namespace millrace::index
