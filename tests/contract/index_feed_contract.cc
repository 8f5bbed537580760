#include <algorithm>
#include <array>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using core::IndexedVersion;

TEST_P(IndexFeedContract, LoadGivesWhatAnIndexNeeds) {
  auto document = Keyed("k", "Title", "c");
  document.metadata["lang"] = core::MetadataScalar(std::string("en"));
  const auto accepted = AcceptIndexed(document, 3);
  Reopen();
  const auto entry = Load(accepted.id);
  EXPECT_EQ(entry.id, accepted.id);
  EXPECT_EQ(entry.version, 1);
  EXPECT_EQ(entry.revision, Get(accepted.id).revision);
  EXPECT_TRUE(entry.present);
  EXPECT_EQ(entry.title, "Title");
  EXPECT_EQ(entry.key, "k");
  EXPECT_EQ(entry.metadata, document.metadata);
  EXPECT_EQ(entry.chunk_ids, ChunkIds(accepted.id));
  EXPECT_EQ(entry.vectors, MakeEffects(accepted.id, 1, 3).vectors);
}

TEST_P(IndexFeedContract, LoadAnswersEachIdInTheOrderAsked) {
  const auto indexed = AcceptIndexed(Keyless("t", "a"));
  const auto queued = Accept(Keyless("t", "b"));
  const auto deleted = AcceptIndexed(Keyed("k", "t", "c"));
  Accept(Keyed("k", "t", "c2"));
  Delete(deleted.id);
  const std::array<core::DocumentId, 5> ids = {deleted.id, 4711, indexed.id, queued.id, indexed.id};
  const auto entries = ports().feed.Load(ids);
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 5u);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto& entry = (*entries)[i];
    EXPECT_EQ(entry.id, ids[i]);
    EXPECT_EQ(entry.present, ids[i] == indexed.id);
    EXPECT_EQ(entry.chunk_ids.empty(), !entry.present);
    EXPECT_EQ(entry.vectors.empty(), !entry.present);
  }
  EXPECT_EQ((*entries)[0].version, 2);  // the deleted version
  EXPECT_EQ((*entries)[1].version, 0);
  EXPECT_EQ((*entries)[3].version, 0);
}

TEST_P(IndexFeedContract, LoadGivesOnlyTheIndexedVersion) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"), 2);
  Accept(Keyed("k", "t", "two"));
  EXPECT_EQ(Load(accepted.id).version, 1);
  Publish(MakeEffects(accepted.id, 2, 3));
  EXPECT_EQ(Load(accepted.id).version, 2);
  EXPECT_EQ(Load(accepted.id).chunk_ids.size(), 3u);  // those overtaken are not among them
}

TEST_P(IndexFeedContract, AVersionWithoutChunksIsPresent) {
  const auto accepted = Accept(Keyless("t", "c"));
  Publish(MakeEffects(accepted.id, 1, 0));
  const auto entry = Load(accepted.id);
  EXPECT_TRUE(entry.present);
  EXPECT_EQ(entry.version, 1);
  EXPECT_TRUE(entry.chunk_ids.empty());
  EXPECT_EQ(ports().feed.ListVersions(0, 10)->size(), 1u);
  EXPECT_EQ(ports().feed.Scan(0, 10)->size(), 1u);
}

TEST_P(IndexFeedContract, ScanVisitsEveryIndexedDocumentOnce) {
  std::vector<core::DocumentId> expected;
  for (int i = 0; i < 9; ++i) {
    const auto content = "c" + std::to_string(i);
    if (i % 3 == 1) {
      Accept(Keyless("t", content));
    } else {
      expected.push_back(AcceptIndexed(Keyless("t", content), i + 1).id);
    }
  }
  Delete(expected[2]);
  expected.erase(expected.begin() + 2);
  std::vector<core::DocumentId> seen;
  std::size_t pages = 0;
  for (core::DocumentId after = 0; pages < 20; ++pages) {
    const auto page = ports().feed.Scan(after, 5);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const auto& entry : *page) {
      seen.push_back(entry.id);
      EXPECT_TRUE(entry.present);
      EXPECT_EQ(entry.chunk_ids, ChunkIds(entry.id));
      EXPECT_EQ(entry.vectors, Load(entry.id).vectors);
    }
    after = page->back().id;
  }
  EXPECT_EQ(seen, expected);
  EXPECT_GT(pages, 1u);  // a page is bounded
  EXPECT_LT(pages, 6u);
}

TEST_P(IndexFeedContract, ScanGivesADocumentBeyondTheBoundWhole) {
  const auto accepted = AcceptIndexed(Keyless("t", "c"), 50);
  const auto page = ports().feed.Scan(0, 10);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 1u);
  EXPECT_EQ(page->front().chunk_ids.size(), 50u);
  EXPECT_TRUE(ports().feed.Scan(accepted.id, 10)->empty());
}

TEST_P(IndexFeedContract, ListVersionsPagesThroughIndexedDocuments) {
  std::vector<IndexedVersion> expected;
  for (int i = 0; i < 5; ++i) {
    const auto accepted = AcceptIndexed(Keyed("k" + std::to_string(i), "t", "c"));
    expected.push_back({accepted.id, 1, Get(accepted.id).revision});
  }
  AcceptIndexed(Keyed("k1", "t", "newer"));
  expected[1].version = 2;
  Accept(Keyed("k2", "t", "waits"));
  Delete(expected[3].id);
  expected.erase(expected.begin() + 3);
  Accept(Keyless("t", "queued"));
  std::vector<IndexedVersion> seen;
  while (true) {
    const auto page = ports().feed.ListVersions(seen.empty() ? 0 : seen.back().id, 3);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    EXPECT_LE(page->size(), 3u);
    seen.insert(seen.end(), page->begin(), page->end());
    ASSERT_LE(seen.size(), expected.size());
  }
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace millrace::contract
