#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using core::AcceptKind;
using core::DocumentStatus;

std::int64_t CountOf(const core::StoreCounts& counts, DocumentStatus status) {
  return counts.documents_by_status[static_cast<std::size_t>(status)];
}

TEST_P(DocumentStoreContract, KeylessCreatesAlwaysCreate) {
  const auto document = Keyless("title", "same content");
  const auto first = Accept(document), second = Accept(document);
  EXPECT_GT(first.id, 0);
  EXPECT_GT(second.id, first.id);
  for (const auto& accepted : {first, second}) {
    EXPECT_EQ(accepted.kind, AcceptKind::kCreated);
    EXPECT_EQ(accepted.version, 1);
  }
}

TEST_P(DocumentStoreContract, GetShowsWhatWasAccepted) {
  auto document = Keyed("docs/a.md", "Títle", "The content: ü.");
  document.metadata["lang"] = core::MetadataScalar(std::string("en"));
  document.metadata["year"] = core::MetadataScalar(std::int64_t{2024});
  document.metadata["tags"] = std::vector<core::MetadataScalar>{std::string("a"), true, 0.5};
  document.chunking = {core::ChunkStrategy::kSentence, 64, 8};
  const auto before = core::Now();
  const auto accepted = Accept(document);
  Reopen();
  const auto record = Get(accepted.id);
  ASSERT_TRUE(accepted.created_at);
  for (const auto& known : {record, core::RecordOf(document, accepted)}) {
    EXPECT_EQ(known.key, document.key);
    EXPECT_EQ(known.title, document.title);
    EXPECT_EQ(known.metadata, document.metadata);
    EXPECT_EQ(known.chunking, document.chunking);
    EXPECT_EQ(known.content_bytes, record.content_bytes);
    EXPECT_EQ(
        std::tie(known.id, known.status, known.version, known.indexed_version, known.revision, known.attempts),
        std::tie(record.id, record.status, record.version, record.indexed_version, record.revision, record.attempts));
    EXPECT_EQ(known.created_at, record.created_at);
    EXPECT_EQ(known.updated_at, record.updated_at);
    EXPECT_EQ(known.steps.received, record.steps.received);
  }
  EXPECT_EQ(record.id, accepted.id);
  EXPECT_EQ(record.key, "docs/a.md");
  EXPECT_EQ(record.title, "Títle");
  EXPECT_EQ(record.metadata, document.metadata);
  EXPECT_EQ(record.chunking, document.chunking);
  EXPECT_EQ(record.status, DocumentStatus::kQueued);
  EXPECT_EQ(record.version, 1);
  EXPECT_EQ(record.indexed_version, 0);
  EXPECT_EQ(record.chunk_count, 0);
  EXPECT_EQ(record.content_bytes, static_cast<std::int64_t>(document.content.size()));
  EXPECT_EQ(record.attempts, 0);
  EXPECT_GE(record.created_at, before);
  EXPECT_LE(record.created_at, core::Now());
  EXPECT_GE(record.updated_at, record.created_at);
  EXPECT_TRUE(record.steps.received.has_value());
  EXPECT_FALSE(record.steps.chunked || record.steps.embedded || record.steps.stored);
  EXPECT_FALSE(record.error || record.warning || record.position);
}

TEST_P(DocumentStoreContract, SameKeyMakesANewVersion) {
  const auto first = Accept(Keyed("k", "one", "content one"));
  const auto created_at = Get(first.id).created_at;
  const auto second = Accept(Keyed("k", "two", "content two!"));
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.version, 2);
  EXPECT_EQ(second.kind, AcceptKind::kUpdated);
  const auto record = Get(first.id);
  EXPECT_EQ(record.title, "two");
  EXPECT_EQ(record.version, 2);
  EXPECT_EQ(record.content_bytes, 12);
  EXPECT_EQ(record.created_at, created_at);
}

TEST_P(DocumentStoreContract, KeysAreComparedByteForByte) {
  const auto lower = Accept(Keyed("key", "t", "c"));
  EXPECT_NE(Accept(Keyed("Key", "t", "c")).id, lower.id);
  EXPECT_NE(Accept(Keyed("key ", "t", "c")).id, lower.id);
  EXPECT_NE(Accept(Keyed("", "t", "c")).id, lower.id);
  EXPECT_EQ(Accept(Keyed("", "t", "c")).kind, AcceptKind::kUnchanged);
}

TEST_P(DocumentStoreContract, EqualDocumentUnderAKeyIsUnchanged) {
  auto document = Keyed("k", "title", "content");
  document.metadata["n"] = core::MetadataScalar(std::int64_t{1});
  const auto first = AcceptIndexed(document);
  const auto updated_at = Get(first.id).updated_at;
  Drain();
  const auto again = Accept(document);
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.version, 1);
  EXPECT_EQ(again.kind, AcceptKind::kUnchanged);
  EXPECT_EQ(BacklogRows(), 0);
  EXPECT_EQ(Get(first.id).status, DocumentStatus::kIndexed);
  EXPECT_EQ(Get(first.id).updated_at, updated_at);
}

TEST_P(DocumentStoreContract, EachPartOfADocumentMakesADifference) {
  auto document = Keyed("k", "title", "content");
  Accept(document);
  document.title = "Title";
  EXPECT_EQ(Accept(document).version, 2);
  document.content = "Content";
  EXPECT_EQ(Accept(document).version, 3);
  document.metadata["n"] = core::MetadataScalar(std::int64_t{1});
  EXPECT_EQ(Accept(document).version, 4);
  document.chunking.max_tokens = 100;
  EXPECT_EQ(Accept(document).version, 5);
  document.sync = true;  // how it is run is no part of it
  EXPECT_EQ(Accept(document).kind, AcceptKind::kUnchanged);
}

TEST_P(DocumentStoreContract, UnchangedComparesWithTheNewestVersion) {
  AcceptIndexed(Keyed("k", "t", "one"));
  Accept(Keyed("k", "t", "two"));
  const auto back = Accept(Keyed("k", "t", "one"));
  EXPECT_EQ(back.kind, AcceptKind::kUpdated);
  EXPECT_EQ(back.version, 3);
}

TEST_P(DocumentStoreContract, EqualDocumentIsANewVersionAfterAFailure) {
  const auto first = Accept(Keyed("k", "t", "c"));
  Begin(OwnWork(first.id, 1));
  EXPECT_EQ(Fail(first.id, 1), core::Applied::kYes);
  const auto again = Accept(Keyed("k", "t", "c"));
  EXPECT_EQ(again.kind, AcceptKind::kUpdated);
  EXPECT_EQ(again.version, 2);
  const auto record = Get(first.id);
  EXPECT_EQ(record.status, DocumentStatus::kQueued);
  EXPECT_EQ(record.attempts, 0);
  EXPECT_FALSE(record.error.has_value());
}

TEST_P(DocumentStoreContract, BatchAnswersInOrderAndTheLaterOfTwoKeysIsNewer) {
  const std::array documents = {Keyed("a", "t", "a1"), Keyed("b", "t", "b1"), Keyed("a", "t", "a2"),
                                Keyed("a", "t", "a2"), Keyless("t", "x")};
  const auto accepted = ports().documents.Accept(documents, Soon());
  ASSERT_TRUE(accepted);
  ASSERT_EQ(accepted->size(), 5u);
  const auto& [a1, b1, a2, a3, x] =
      std::tie((*accepted)[0], (*accepted)[1], (*accepted)[2], (*accepted)[3], (*accepted)[4]);
  EXPECT_EQ(a1.kind, AcceptKind::kCreated);
  EXPECT_EQ(a1.version, 1);
  EXPECT_EQ(a2.id, a1.id);
  EXPECT_EQ(a2.version, 2);
  EXPECT_EQ(a2.kind, AcceptKind::kUpdated);
  EXPECT_EQ(a3.version, 2);
  EXPECT_EQ(a3.kind, AcceptKind::kUnchanged);
  EXPECT_EQ((std::set{a1.id, b1.id, x.id}.size()), 3u);
  EXPECT_EQ(*ports().contents.ReadPart(a1.id, 1, 0), "a1");
  EXPECT_EQ(*ports().contents.ReadPart(a1.id, 2, 0), "a2");
}

TEST_P(DocumentStoreContract, AcceptOfNothingIsNothing) {
  const auto accepted = ports().documents.Accept({}, Soon());
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(accepted->empty());
}

TEST_P(DocumentStoreContract, UnknownAndDeletedAreNotFound) {
  EXPECT_EQ(ports().documents.Get(1).error().code, Code::kNotFound);
  EXPECT_EQ(ports().documents.Delete(1, Soon()).error().code, Code::kNotFound);
  const auto accepted = Accept(Keyless("t", "c"));
  Delete(accepted.id);
  Reopen();
  EXPECT_EQ(ports().documents.Get(accepted.id).error().code, Code::kNotFound);
  EXPECT_EQ(ports().documents.Delete(accepted.id, Soon()).error().code, Code::kNotFound);
}

TEST_P(DocumentStoreContract, DeleteRemovesEverythingButTheTombstone) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"));
  const auto indexed_ids = ChunkIds(accepted.id);
  ASSERT_EQ(indexed_ids.size(), 2u);
  Accept(Keyed("k", "t", "two"));
  Publish(MakeEffects(accepted.id, 2, 3));
  const auto newer_ids = ChunkIds(accepted.id);
  Accept(Keyed("k", "t", "three"));
  Delete(accepted.id);
  EXPECT_EQ(CountHydrated(indexed_ids), 0u);  // at once, no 60 s
  EXPECT_EQ(CountHydrated(newer_ids), 0u);
  EXPECT_TRUE(ListChunks(accepted.id).empty());
  for (const core::Version version : {1, 2, 3}) EXPECT_FALSE(HasBody(accepted.id, version));
  EXPECT_TRUE(DueUploads().empty());
  const auto counts = ports().documents.Counts();
  ASSERT_TRUE(counts);
  EXPECT_EQ(CountOf(*counts, DocumentStatus::kDeleted), 1);
  EXPECT_EQ(counts->chunks, 0);
}

TEST_P(DocumentStoreContract, ADeletedKeyGetsANewId) {
  const auto old = Accept(Keyed("k", "t", "c"));
  Delete(old.id);
  Reopen();
  const auto fresh = Accept(Keyed("k", "t", "c"));
  EXPECT_GT(fresh.id, old.id);
  EXPECT_EQ(fresh.version, 1);
  EXPECT_EQ(fresh.kind, AcceptKind::kCreated);
}

TEST_P(DocumentStoreContract, ListIsNewestFirstWithACursor) {
  std::vector<core::DocumentId> ids;
  for (int i = 0; i < 7; ++i) ids.push_back(Accept(Keyless("t", "c" + std::to_string(i))).id);
  Delete(ids[3]);
  core::DocumentQuery query;
  query.limit = 4;
  std::vector<core::DocumentId> seen;
  for (int page = 0; page < 3; ++page) {
    const auto records = ports().documents.List(query);
    ASSERT_TRUE(records);
    if (records->empty()) break;
    EXPECT_LE(records->size(), 4u);
    for (const auto& record : *records) seen.push_back(record.id);
    query.before = seen.back();
  }
  EXPECT_EQ(seen, (std::vector{ids[6], ids[5], ids[4], ids[2], ids[1], ids[0]}));
}

TEST_P(DocumentStoreContract, ListFindsTextInTitleAndKey) {
  const auto title = Accept(Keyless("Git Bisect 100%", "c"));
  const auto key = Accept(Keyed("manual/git-BISECT.html", "Finding a bug", "c"));
  Accept(Keyless("Rebase", "bisect"));
  const auto list = [&](std::string text) {
    core::DocumentQuery query;
    query.text = std::move(text);
    std::vector<core::DocumentId> ids;
    const auto records = ports().documents.List(query);
    EXPECT_TRUE(records) << (records ? "" : records.error().message);
    for (const auto& record : *records) ids.push_back(record.id);
    return ids;
  };
  using Ids = std::vector<core::DocumentId>;
  EXPECT_EQ(list("bisect"), (Ids{key.id, title.id}));
  EXPECT_EQ(list("BISECT 1"), Ids{title.id});
  EXPECT_EQ(list("manual/"), Ids{key.id});
  EXPECT_EQ(list("0%"), Ids{title.id});
  EXPECT_EQ(list("%"), Ids{title.id});
  EXPECT_EQ(list("it's \\ _"), Ids{});
}

TEST_P(DocumentStoreContract, ListFiltersByStatusAndKey) {
  const auto queued = Accept(Keyed("queued", "t", "c"));
  const auto indexed = AcceptIndexed(Keyed("indexed", "t", "c"), 5);
  const auto failed = Accept(Keyed("failed", "t", "c"));
  Fail(failed.id, 1);
  const auto deleted = Accept(Keyed("deleted", "t", "c"));
  Delete(deleted.id);
  const auto list = [&](std::optional<DocumentStatus> status, std::optional<std::string> key) {
    core::DocumentQuery query;
    query.status = status;
    query.key = std::move(key);
    std::vector<core::DocumentId> ids;
    const auto records = ports().documents.List(query);
    EXPECT_TRUE(records);
    for (const auto& record : *records) ids.push_back(record.id);
    return ids;
  };
  using Ids = std::vector<core::DocumentId>;
  EXPECT_EQ(list({}, {}), (Ids{failed.id, indexed.id, queued.id}));
  EXPECT_EQ(list(DocumentStatus::kIndexed, {}), Ids{indexed.id});
  EXPECT_EQ(list(DocumentStatus::kFailed, {}), Ids{failed.id});
  EXPECT_EQ(list(DocumentStatus::kDeleted, {}), Ids{deleted.id});
  EXPECT_EQ(list(DocumentStatus::kDeadLettered, {}), Ids{});
  EXPECT_EQ(list({}, "queued"), Ids{queued.id});
  EXPECT_EQ(list({}, "deleted"), Ids{});
  EXPECT_EQ(list(DocumentStatus::kFailed, "queued"), Ids{});
  core::DocumentQuery query;
  query.status = DocumentStatus::kDeleted;
  const auto tombstones = ports().documents.List(query);
  EXPECT_EQ(tombstones->front().status, DocumentStatus::kDeleted);
  EXPECT_EQ(tombstones->front().version, 1);
}

TEST_P(DocumentStoreContract, CountsByStatusAndChunksOfIndexedVersions) {
  AcceptIndexed(Keyless("t", "a"), 3);
  const auto twice = AcceptIndexed(Keyed("k", "t", "b"), 4);
  Accept(Keyed("k", "t", "b2"));
  Stage(MakeEffects(twice.id, 2, 100));  // staged: counts nowhere
  Accept(Keyless("t", "c"));
  Delete(Accept(Keyless("t", "d")).id);
  const auto counts = ports().documents.Counts();
  ASSERT_TRUE(counts);
  EXPECT_EQ(CountOf(*counts, DocumentStatus::kIndexed), 1);
  EXPECT_EQ(CountOf(*counts, DocumentStatus::kQueued), 2);
  EXPECT_EQ(CountOf(*counts, DocumentStatus::kDeleted), 1);
  EXPECT_EQ(CountOf(*counts, DocumentStatus::kProcessing), 0);
  EXPECT_EQ(counts->chunks, 7);
  Publish(MakeEffects(twice.id, 2, 1, 100));
  EXPECT_EQ(ports().documents.Counts()->chunks, 3 + 101);  // those overtaken do not count
}

TEST_P(DocumentStoreContract, VersionsAreListedWhileTheirTextIsThere) {
  auto first = Keyed("k", "one", "a");
  first.metadata = {{"lang", core::MetadataScalar(std::string("en"))}};
  first.chunking = {core::ChunkStrategy::kSentence, 100, 10};
  const auto accepted = AcceptIndexed(first);
  Accept(Keyed("k", "two", "bc"));
  const auto list = [&](core::Version before, std::size_t limit) {
    const auto versions = ports().documents.ListVersions(accepted.id, before, limit);
    EXPECT_TRUE(versions);
    return versions ? *versions : std::vector<core::KeptVersion>();
  };
  auto versions = list(100, 10);
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].version, 2);
  EXPECT_EQ(versions[0].title, "two");
  EXPECT_EQ(versions[0].content_bytes, 2);
  EXPECT_FALSE(versions[0].indexed);
  EXPECT_FALSE(versions[0].overtaken_at || versions[1].overtaken_at);
  EXPECT_EQ(versions[1].version, 1);
  EXPECT_EQ(versions[1].title, "one");
  EXPECT_EQ(versions[1].metadata, first.metadata);
  EXPECT_EQ(versions[1].chunking, first.chunking);
  EXPECT_TRUE(versions[1].indexed);
  const auto before = core::Now();
  Publish(MakeEffects(accepted.id, 2, 1));
  const auto after = core::Now();
  Reopen();
  versions = list(100, 10);
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_TRUE(versions[0].indexed && !versions[1].indexed);
  ASSERT_TRUE(versions[1].overtaken_at);
  EXPECT_TRUE(*versions[1].overtaken_at >= before && *versions[1].overtaken_at <= after);
  EXPECT_EQ(list(2, 10).size(), 1u);
  EXPECT_EQ(list(1, 10).size(), 0u);
  ASSERT_EQ(list(100, 1).size(), 1u);
  EXPECT_EQ(list(100, 1)[0].version, 2);
  ASSERT_TRUE(ports().admin.RemoveExpired(after + core::kOvertakenKept + std::chrono::seconds(1)));
  EXPECT_EQ(list(100, 10).size(), 1u);
  Delete(accepted.id);
  EXPECT_EQ(list(100, 10).size(), 0u);
  EXPECT_EQ(ports().documents.ListVersions(accepted.id + 1, 100, 10)->size(), 0u);
}

TEST_P(DocumentStoreContract, ContentPartsJoinAndEndBetweenCodePoints) {
  std::string content = "x";  // so that the bound falls inside a three-byte code point
  while (content.size() < 2 * core::ContentStore::kContentPartBytes + 5) content += "\u20ac";
  const auto accepted = Accept(Keyless("t", content));
  Reopen();
  std::string joined;
  std::int32_t part = 0;
  for (;; ++part) {
    const auto text = ports().contents.ReadPart(accepted.id, 1, part);
    if (!text) {
      EXPECT_EQ(text.error().code, Code::kNotFound);
      break;
    }
    EXPECT_LE(text->size(), core::ContentStore::kContentPartBytes);
    ASSERT_FALSE(text->empty());
    EXPECT_NE(static_cast<unsigned char>(text->front()) & 0xC0, 0x80)
        << "part " << part << " starts inside a code point";
    joined += *text;
  }
  EXPECT_EQ(part, 3);
  EXPECT_TRUE(joined == content);
}

TEST_P(DocumentStoreContract, ContentOfExactlyOnePartIsOnePart) {
  const auto accepted = Accept(Keyless("t", std::string(core::ContentStore::kContentPartBytes, 'x')));
  EXPECT_EQ(ports().contents.ReadPart(accepted.id, 1, 0)->size(), core::ContentStore::kContentPartBytes);
  for (const std::int32_t part : {1, -1}) {
    EXPECT_EQ(ports().contents.ReadPart(accepted.id, 1, part).error().code, Code::kNotFound);
  }
  EXPECT_EQ(ports().contents.ReadPart(accepted.id, 2, 0).error().code, Code::kNotFound);
  EXPECT_EQ(ports().contents.ReadPart(accepted.id + 1, 1, 0).error().code, Code::kNotFound);
}

TEST_P(DocumentStoreContract, HydrateKeepsTheOrderAskedAndLeavesOutTheUnknown) {
  auto document = Keyed("k", "Title", "c");
  document.metadata["lang"] = core::MetadataScalar(std::string("en"));
  const auto accepted = AcceptIndexed(document, 3);
  Reopen();
  const auto ids = ChunkIds(accepted.id);
  ASSERT_EQ(ids.size(), 3u);
  const std::vector<core::ChunkId> asked = {ids[2], ids[2] + 1000, ids[0], -1};
  const auto chunks = ports().chunks.Hydrate(asked);
  ASSERT_TRUE(chunks);
  ASSERT_EQ(chunks->size(), 2u);
  EXPECT_EQ((*chunks)[0].id, ids[2]);
  EXPECT_EQ((*chunks)[1].id, ids[0]);
  const auto& chunk = chunks->front();
  EXPECT_EQ(chunk.document_id, accepted.id);
  EXPECT_EQ(chunk.version, 1);
  EXPECT_EQ(chunk.chunk.index, 2);
  EXPECT_EQ(chunk.chunk.text, "v1 chunk 2");
  EXPECT_EQ(chunk.chunk.char_start, 20);
  EXPECT_EQ(chunk.chunk.char_end, 29);
  EXPECT_EQ(chunk.document_title, "Title");
  EXPECT_EQ(chunk.document_key, "k");
  EXPECT_EQ(chunk.document_metadata, document.metadata);
}

TEST_P(DocumentStoreContract, ListChunksPagesByIndex) {
  const auto accepted = AcceptIndexed(Keyless("t", "c"), 5);
  const auto page = ports().chunks.ListChunks(accepted.id, 2, 2);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 2u);
  EXPECT_EQ((*page)[0].chunk.index, 2);
  EXPECT_EQ((*page)[1].chunk.index, 3);
  EXPECT_TRUE(ports().chunks.ListChunks(accepted.id, 5, 2)->empty());
  EXPECT_TRUE(ports().chunks.ListChunks(accepted.id + 1, 0, 2)->empty());
  EXPECT_TRUE(ListChunks(Accept(Keyless("t", "queued")).id).empty());
}

}  // namespace
}  // namespace millrace::contract
