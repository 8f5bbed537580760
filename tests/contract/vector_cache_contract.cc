#include "contract/vector_cache_contract.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

namespace millrace::contract {

using core::CachedDocument;
using core::CachedVersion;
using core::DocumentId;
using core::VectorKey;

CachedDocument MakeCached(DocumentId id, core::Version version, std::int32_t chunks, core::Revision revision) {
  CachedDocument document{id, version, revision, chunks, {}};
  for (std::int32_t chunk = 0; chunk < chunks; ++chunk) {
    for (const auto part : {static_cast<float>(id), static_cast<float>(version), static_cast<float>(revision),
                            static_cast<float>(chunk)}) {
      document.vectors.push_back(part);
    }
  }
  return document;
}

std::string ValueOf(const CachedDocument& document, std::int32_t chunk) {
  const float* vector = document.vectors.data() + static_cast<std::size_t>(chunk) * kCachedDimensions;
  return {reinterpret_cast<const char*>(vector), kCachedDimensions * sizeof(float)};
}

base::Deadline Soon() { return base::Deadline::AfterSeconds(30); }

void VectorCacheContract::Put(const CachedDocument& document) {
  const auto status = cache().Put({&document, 1}, Soon());
  ASSERT_TRUE(status) << status.error().message;
}

CachedVersion VectorCacheContract::VersionOf(DocumentId id) {
  const auto versions = cache().Versions({&id, 1}, Soon());
  EXPECT_TRUE(versions) << versions.error().message;
  return versions ? versions->front() : CachedVersion{-1, -1};
}

std::set<DocumentId> VectorCacheContract::Scan() {
  std::set<DocumentId> ids;
  std::uint64_t cursor = 0;
  do {
    const auto page = cache().ScanDocuments(cursor, Soon());
    EXPECT_TRUE(page) << page.error().message;
    if (!page) break;
    ids.insert(page->ids.begin(), page->ids.end());
    cursor = page->cursor;
  } while (cursor != 0);
  return ids;
}

void VectorCacheContract::ExpectHeld(const CachedDocument& document, std::int32_t none_up_to) {
  EXPECT_EQ(VersionOf(document.id).version, document.version);
  EXPECT_EQ(VersionOf(document.id).revision, document.revision);
  for (std::int32_t chunk = 0; chunk < document.chunks; ++chunk) {
    ASSERT_EQ(other().Get(VectorKey(document.id, chunk)), ValueOf(document, chunk)) << "chunk " << chunk;
  }
  for (std::int32_t chunk = document.chunks; chunk < none_up_to; ++chunk) {
    ASSERT_EQ(other().Get(VectorKey(document.id, chunk)), std::nullopt) << "chunk " << chunk;
  }
}

void VectorCacheContract::ExpectNothing(DocumentId id, std::int32_t none_up_to) {
  EXPECT_EQ(VersionOf(id).version, 0);
  for (std::int32_t chunk = 0; chunk < none_up_to; ++chunk) {
    ASSERT_EQ(other().Get(VectorKey(id, chunk)), std::nullopt) << "chunk " << chunk;
  }
}

namespace {

TEST_P(VectorCacheContract, WritesRawLittleEndianFloatsUnderTheKeysOfTheContract) {
  Put({7, 1, 0, 2, {1.0f, -2.0f, 0.5f, 0.0f, 3.0f, 0.0f, 0.0f, 1.0f}});
  using namespace std::string_literals;
  EXPECT_EQ(other().Get("emb:doc7:chunk0"), "\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f\0\0\0\0"s);
  EXPECT_EQ(other().Get("emb:doc7:chunk1"), "\0\0\x40\x40\0\0\0\0\0\0\0\0\0\0\x80\x3f"s);
}

TEST_P(VectorCacheContract, ANewerVersionReplacesAllAndLeavesNoSurplusKeys) {
  Put(MakeCached(1, 1, 5));
  Put(MakeCached(1, 2, 3));
  ExpectHeld(MakeCached(1, 2, 3), 10);
  Put(MakeCached(1, 3, 6));
  ExpectHeld(MakeCached(1, 3, 6), 10);
}

TEST_P(VectorCacheContract, IgnoresWhatIsOlderByVersionOrRevision) {
  Put(MakeCached(1, 3, 2, 1));
  Put(MakeCached(1, 2, 5, 9));
  Put(MakeCached(1, 3, 5, 0));
  ExpectHeld(MakeCached(1, 3, 2, 1), 10);
  Put(MakeCached(1, 3, 4, 2));
  ExpectHeld(MakeCached(1, 3, 4, 2), 10);
  Put(MakeCached(1, 4, 1, 0));
  ExpectHeld(MakeCached(1, 4, 1, 0), 10);
}

TEST_P(VectorCacheContract, SeveralDocumentsAtOnceEachByItsOwnVersion) {
  Put(MakeCached(2, 5, 1));
  const std::vector<CachedDocument> documents{MakeCached(1, 1, 3), MakeCached(2, 4, 2), MakeCached(3, 9, 1)};
  ASSERT_TRUE(cache().Put(documents, Soon()));
  ExpectHeld(documents[0], 5);
  ExpectHeld(MakeCached(2, 5, 1), 5);
  ExpectHeld(documents[2], 5);
}

TEST_P(VectorCacheContract, PuttingTheSameAgainBringsMissingKeysBack) {
  const auto document = MakeCached(1, 2, 4);
  Put(document);
  other().Unset(VectorKey(1, 0));
  EXPECT_EQ(VersionOf(1).version, 0) << "the first key is gone";
  Put(document);
  other().Unset(VectorKey(1, 3));
  EXPECT_EQ(VersionOf(1).version, 0) << "the last key is gone";
  Put(document);
  ExpectHeld(document, 6);
}

TEST_P(VectorCacheContract, ADeleteIsRememberedAgainstLateWrites) {
  Put(MakeCached(1, 2, 4));
  const auto removed = cache().Remove(1, 2, Soon());
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 4);
  ExpectNothing(1, 6);
  Put(MakeCached(1, 2, 4));
  Put(MakeCached(1, 1, 4));
  ExpectNothing(1, 6);
  EXPECT_EQ(cache().Remove(1, 1, Soon()).value(), 0);
  Put(MakeCached(1, 2, 4));
  ExpectNothing(1, 6);
  Put(MakeCached(1, 3, 2));
  ExpectHeld(MakeCached(1, 3, 2), 6);
}

TEST_P(VectorCacheContract, KeysAreCountedWhoeverWroteThem) {
  EXPECT_EQ(cache().Count(1, Soon()).value(), 0);
  Put(MakeCached(1, 2, 4));
  Put(MakeCached(11, 1, 2));
  EXPECT_EQ(cache().Count(1, Soon()).value(), 4);
  other().Set("emb:doc1:chunk6", "of another program");
  EXPECT_EQ(cache().Count(1, Soon()).value(), 5);
  ASSERT_TRUE(cache().Remove(11, 1, Soon()));
  EXPECT_EQ(cache().Count(11, Soon()).value(), 0);
  other().Set("emb:doc11:chunk0", "of another program");
  EXPECT_EQ(cache().Count(11, Soon()).value(), 1);
}

TEST_P(VectorCacheContract, ADeleteOfAnOlderVersionLeavesANewerOne) {
  Put(MakeCached(1, 3, 2));
  EXPECT_EQ(cache().Remove(1, 2, Soon()).value(), 0);
  ExpectHeld(MakeCached(1, 3, 2), 4);
}

TEST_P(VectorCacheContract, ADeleteThatComesBeforeTheWriteWins) {
  EXPECT_EQ(cache().Remove(4, 1, Soon()).value(), 0);
  Put(MakeCached(4, 1, 2));
  ExpectNothing(4, 4);
}

TEST_P(VectorCacheContract, VersionsAnswersInTheOrderAsked) {
  Put(MakeCached(1, 4, 1, 2));
  Put(MakeCached(3, 7, 1));
  Put(MakeCached(5, 1, 1));
  ASSERT_TRUE(cache().Remove(5, 1, Soon()));
  const std::vector<DocumentId> ids{3, 2, 1, 5, 3};
  const auto versions = cache().Versions(ids, Soon());
  ASSERT_TRUE(versions);
  ASSERT_EQ(versions->size(), 5u);
  EXPECT_EQ((*versions)[0].version, 7);
  EXPECT_EQ((*versions)[1].version, 0);
  EXPECT_EQ((*versions)[2].version, 4);
  EXPECT_EQ((*versions)[2].revision, 2);
  EXPECT_EQ((*versions)[3].version, 0);
  EXPECT_EQ((*versions)[4].version, 7);
  EXPECT_TRUE(cache().Versions({}, Soon()).value().empty());
}

TEST_P(VectorCacheContract, VersionsOfManyDocuments) {
  std::vector<CachedDocument> documents;
  std::vector<DocumentId> ids;
  for (DocumentId id = 1; id <= 2500; ++id) {
    documents.push_back(MakeCached(id, id, 1));
    ids.push_back(id);
  }
  ASSERT_TRUE(cache().Put(documents, Soon()));
  const auto versions = cache().Versions(ids, Soon());
  ASSERT_TRUE(versions) << versions.error().message;
  for (DocumentId id = 1; id <= 2500; ++id) EXPECT_EQ((*versions)[static_cast<std::size_t>(id) - 1].version, id);
}

TEST_P(VectorCacheContract, ADocumentWithoutChunksIsAnEntryToo) {
  Put(MakeCached(0, 1, 0));
  EXPECT_EQ(VersionOf(0).version, 1);
  EXPECT_TRUE(Scan().empty());
}

TEST_P(VectorCacheContract, ReadsWhatAnotherProgramWroteAndOnlyWhatIsAVector) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  const auto raw = [](std::vector<float> floats) {
    return std::string(reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float));
  };
  other().Set("emb:doc1:chunk0", raw({1, 2, 3, 4}));
  other().Set("emb:doc1:chunk1", raw({1, 2, 3}));
  other().Set("emb:doc1:chunk2", raw({1, nan, 3, 4}));
  other().Set("emb:doc1:chunk3", raw({1, 2, infinite, 4}));
  other().Set("emb:doc1:chunk4", raw({1, 2, 3, 4}) + "x");
  other().Set("emb:doc1:chunk5", "");
  other().Set("of another name", raw({5, 6, 7, 8}));
  const std::vector<std::string> keys{"of another name", "emb:doc1:chunk0", "emb:doc1:chunk1", "emb:doc1:chunk2",
                                      "emb:doc1:chunk3", "emb:doc1:chunk4", "emb:doc1:chunk5", "nowhere"};
  const auto vectors = cache().Read(keys, 4, Soon());
  ASSERT_TRUE(vectors);
  ASSERT_EQ(vectors->size(), keys.size());
  EXPECT_EQ((*vectors)[0], (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ((*vectors)[1], (std::vector<float>{1, 2, 3, 4}));
  for (std::size_t i = 2; i < keys.size(); ++i) EXPECT_EQ((*vectors)[i], std::nullopt) << keys[i];
}

TEST_P(VectorCacheContract, ReadsManyKeysInOrder) {
  Put(MakeCached(1, 1, 1000));
  std::vector<std::string> keys;
  for (std::int32_t chunk = 999; chunk >= 0; --chunk) keys.push_back(VectorKey(1, chunk));
  const auto vectors = cache().Read(keys, kCachedDimensions, Soon());
  ASSERT_TRUE(vectors);
  for (std::size_t i = 0; i < 1000; ++i) EXPECT_EQ((*vectors)[i]->back(), static_cast<float>(999 - i));
}

TEST_P(VectorCacheContract, FindsEveryDocumentThatHasKeys) {
  for (DocumentId id = 1; id <= 300; ++id) Put(MakeCached(id, 1, 8));
  other().Set("emb:doc999:chunk0", "of another program");
  other().Set("emb:docs:chunk0", "of no document");
  other().Set("emb:doc5x:chunk0", "of no document");
  other().Set("else", "");
  ASSERT_TRUE(cache().Remove(300, 1, Soon()));
  std::set<DocumentId> wanted{999};
  for (DocumentId id = 1; id <= 299; ++id) wanted.insert(id);
  EXPECT_EQ(Scan(), wanted);
}

TEST_P(VectorCacheContract, ALongDocumentIsReplacedAndRemovedWhole) {
  const auto longest = MakeCached(1, 1, 9000);
  Put(longest);
  ExpectHeld(longest, 9100);
  Put(MakeCached(1, 2, 10));
  ExpectHeld(MakeCached(1, 2, 10), 9100);
  Put(MakeCached(1, 3, 3000));
  ExpectHeld(MakeCached(1, 3, 3000), 9100);
  EXPECT_EQ(cache().Remove(1, 3, Soon()).value(), 3000);
  ExpectNothing(1, 9100);
}

TEST_P(VectorCacheContract, ALongDocumentIsBroughtBackWhole) {
  const core::CachedDocument document{1, 1, 0, 3000, std::vector<float>(3000 * 384, 0.5f)};
  Put(document);
  for (const std::int32_t chunk : {300, 2000, 2999}) other().Unset(VectorKey(1, chunk));
  Put(document);
  for (const std::int32_t chunk : {300, 2000, 2999}) EXPECT_TRUE(other().Get(VectorKey(1, chunk))) << chunk;
  EXPECT_EQ(VersionOf(1).version, 1);
}

TEST_P(VectorCacheContract, WhatIsEmptiedIsWrittenAnew) {
  Put(MakeCached(1, 5, 3));
  other().Clear();
  EXPECT_EQ(VersionOf(1).version, 0);
  Put(MakeCached(1, 5, 3));
  ExpectHeld(MakeCached(1, 5, 3), 5);
}

TEST_P(VectorCacheContract, KeysOfAnotherProgramAreReplacedAndRemoved) {
  for (std::int32_t chunk = 0; chunk < 300; ++chunk) {
    other().Set(VectorKey(1, chunk), "old");
    other().Set(VectorKey(2, chunk), "old");
  }
  EXPECT_EQ(VersionOf(1).version, 0);
  Put(MakeCached(1, 1, 2));
  ExpectHeld(MakeCached(1, 1, 2), 300);
  EXPECT_EQ(cache().Remove(2, 1, Soon()).value(), 300);
  ExpectNothing(2, 300);
  other().Set(VectorKey(2, 1), "written after the delete");
  EXPECT_EQ(cache().Remove(2, 1, Soon()).value(), 1);
}

/// Writers of several versions of a long document and of a delete meet in any order; the newest is what is left.
TEST_P(VectorCacheContract, TheNewestWinsWhoeverComesLast) {
  for (int round = 0; round < 6; ++round) {
    const DocumentId id = 100 + round;
    std::vector<std::thread> writers;
    for (core::Version version = 1; version <= 5; ++version) {
      writers.emplace_back([&, version] {
        const auto document =
            MakeCached(id, version, static_cast<std::int32_t>(700 * ((version * 3 + round) % 5) + 10));
        EXPECT_TRUE(cache().Put({&document, 1}, Soon()));
      });
    }
    writers.emplace_back([&] { EXPECT_TRUE(cache().Remove(id, 3, Soon())); });
    for (auto& writer : writers) writer.join();
    ExpectHeld(MakeCached(id, 5, (700 * ((15 + round) % 5) + 10)), 3000);
  }
}

TEST_P(VectorCacheContract, Answers) { EXPECT_TRUE(cache().Probe(std::chrono::seconds(5))); }

}  // namespace
}  // namespace millrace::contract
