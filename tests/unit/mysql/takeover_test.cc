#include <fmt/core.h>
#include <gmock/gmock.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "adapters/mysql/mysql_store.h"
#include "core/log.h"
#include "unit/mysql/other_program.h"
#include "unit/mysql/test_database.h"

namespace millrace::mysql {
namespace {

using core::DocumentStatus;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;

/// A database of the other program that Millrace was started on.
class TakeoverTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.Execute(kOtherTables);
    server_.Execute(kOtherRows);
    auto opened = MysqlDatabase::Open(server_.options());
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }

  core::ForeignRows& rows() { return store_->foreign_rows(); }

  std::vector<core::ForeignDocument> Find(std::chrono::milliseconds from_now = minutes(1)) {
    auto found = rows().Find(core::Now() + from_now, 0, 100);
    EXPECT_TRUE(found) << found.error().message;
    return found ? std::move(*found) : std::vector<core::ForeignDocument>();
  }
  std::vector<core::DocumentId> FoundIds() {
    std::vector<core::DocumentId> ids;
    for (const auto& document : Find()) ids.push_back(document.id);
    return ids;
  }

  /// Chunk n of the document gets a vector whose first number is n.
  static std::vector<float> Vectors(const core::ForeignDocument& document) {
    std::vector<float> vectors;
    for (std::size_t i = 0; i < document.chunks.size(); ++i) {
      vectors.insert(vectors.end(), {static_cast<float>(i), 0, 1});
    }
    return vectors;
  }
  bool Adopt(const core::ForeignDocument& document) {
    const auto adopted = rows().Adopt(document, Vectors(document));
    EXPECT_TRUE(adopted) << adopted.error().message;
    return adopted && *adopted;
  }

  core::IndexEntry Load(core::DocumentId id) {
    const core::DocumentId ids[] = {id};
    auto entries = store_->index_feed().Load(ids);
    EXPECT_TRUE(entries) << entries.error().message;
    return entries ? std::move(entries->front()) : core::IndexEntry();
  }
  core::DocumentRecord Get(core::DocumentId id) {
    auto record = store_->documents().Get(id);
    EXPECT_TRUE(record) << record.error().message;
    return record ? std::move(*record) : core::DocumentRecord();
  }
  std::vector<core::OutboxRow> DueUploads() {
    std::vector<core::OutboxRow> uploads;
    auto claimed = store_->outbox().Claim(100, 1 << 20, minutes(1));
    EXPECT_TRUE(claimed) << claimed.error().message;
    for (core::OutboxRow& row : *claimed) {
      if (row.topic == core::kUploadsTopic) uploads.push_back(std::move(row));
    }
    return uploads;
  }

  TestDatabase server_;
  std::unique_ptr<MysqlDatabase> store_;
};

TEST_F(TakeoverTest, FindsWhatTheOtherProgramWrote) {
  const auto found = Find();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].id, 1);
  ASSERT_EQ(found[0].chunks.size(), 2u);
  EXPECT_EQ(found[0].chunks[1].id, 2);
  EXPECT_EQ(found[0].chunks[1].index, 2);
  EXPECT_EQ(found[0].chunks[1].text, "Die Brücke.");
  EXPECT_EQ(found[0].chunks[1].cache_key, "emb:doc1:chunk2");
  EXPECT_THAT(found[2].chunks, IsEmpty()) << "it was lost before it was embedded";
  const auto first = rows().Find(core::Now() + minutes(1), 0, 1);
  ASSERT_EQ(first->size(), 1u);
  EXPECT_EQ(first->front().id, 1);
}

TEST_F(TakeoverTest, WhatMayStillBeChangingIsLeftAlone) {
  EXPECT_THAT(Find(-minutes(1)), IsEmpty());
  server_.Execute("UPDATE documents SET created_at = '2020-01-01', updated_at = '2020-01-01'");
  const auto found = Find(-minutes(1));
  ASSERT_EQ(found.size(), 1u) << "the chunks of the others are new";
  EXPECT_EQ(found[0].id, 3);
}

TEST_F(TakeoverTest, AdoptedChunksKeepTheirIdsAndAreNumberedWithoutGaps) {
  ASSERT_TRUE(Adopt(Find()[0]));
  const core::DocumentRecord record = Get(1);
  EXPECT_EQ(record.status, DocumentStatus::kIndexed);
  EXPECT_EQ(record.version, 1);
  EXPECT_EQ(record.indexed_version, 1);
  EXPECT_EQ(record.title, "Zürich");
  EXPECT_EQ(record.chunk_count, 2);
  EXPECT_EQ(record.chunking.strategy, core::ChunkStrategy::kSentence);
  const core::IndexEntry entry = Load(1);
  EXPECT_TRUE(entry.present);
  EXPECT_THAT(entry.chunk_ids, ElementsAre(1, 2));
  EXPECT_THAT(entry.vectors, ElementsAre(0, 0, 1, 1, 0, 1));
  const auto chunks = store_->chunks().ListChunks(1, 0, 10);
  ASSERT_TRUE(chunks);
  ASSERT_EQ(chunks->size(), 2u);
  EXPECT_EQ((*chunks)[1].chunk.index, 1);
  EXPECT_EQ((*chunks)[1].chunk.text, "Die Brücke.");
  EXPECT_EQ((*chunks)[1].chunk.char_start, 10);
  EXPECT_EQ((*chunks)[1].chunk.char_end, 21);
  EXPECT_EQ(server_.Text("SELECT redis_key FROM embeddings WHERE document_id = 1 ORDER BY id"),
            "emb:doc1:chunk0\nemb:doc1:chunk1\n");
  EXPECT_EQ(*store_->contents().ReadPart(1, 1, 0), "Der Fluß. Die Brücke.");
  EXPECT_THAT(FoundIds(), ElementsAre(2, 3)) << "decided";
  EXPECT_THAT(DueUploads(), IsEmpty());
}

TEST_F(TakeoverTest, WhatChangedMeanwhileIsNotAdopted) {
  const auto found = Find();
  server_.Execute(
      "INSERT INTO embeddings(document_id, chunk_text, chunk_index, redis_key) VALUES (1, 'c', 3, 'emb:doc1:chunk3')");
  EXPECT_FALSE(Adopt(found[0]));
  server_.Execute("DELETE FROM documents WHERE id = 2");
  EXPECT_FALSE(Adopt(found[1]));
  EXPECT_THAT(FoundIds(), ElementsAre(1, 3));
  ASSERT_TRUE(Adopt(Find()[0]));
  EXPECT_FALSE(Adopt(found[0])) << "indexed already";
}

TEST_F(TakeoverTest, OfTwoWhoAdoptOneDoes) {
  const auto found = Find();
  std::vector<int> adopted(4);
  std::vector<std::thread> threads;
  for (int& one : adopted) threads.emplace_back([&] { one = Adopt(found[0]) ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(adopted, testing::UnorderedElementsAre(0, 0, 0, 1));
  EXPECT_EQ(server_.Int("SELECT count(*) FROM embeddings WHERE document_id = 1 AND version = 1"), 2);
  EXPECT_EQ(Get(1).version, 1);
}

TEST_F(TakeoverTest, VectorsMustFit) {
  const auto found = Find();
  EXPECT_EQ(rows().Adopt(found[0], {1, 2, 3}).error().code, base::Code::kInvalidArgument);
  ASSERT_TRUE(Adopt(found[0]));
  EXPECT_EQ(rows().Adopt(found[1], {1, 2}).error().code, base::Code::kInvalidArgument) << "other dimensions";
  EXPECT_TRUE(Adopt(found[1]));
}

TEST_F(TakeoverTest, AnAdoptedDocumentIsOverwrittenAndExpiresLikeAnyOther) {
  ASSERT_TRUE(Adopt(Find()[0]));
  core::Work work;
  work.id = 1;
  work.position = {core::kUploadsTopic, 0, 5};
  work.timestamp = core::Now();
  work.title = "Zürich";
  work.content = "Neu.";
  const core::Work batch[] = {work};
  const auto orders = store_->effects().Begin(batch, "worker", base::Deadline::AfterSeconds(20));
  ASSERT_TRUE(orders) << orders.error().message;
  ASSERT_EQ(orders->front().verdict, core::WorkOrder::Verdict::kProcess);
  EXPECT_EQ(orders->front().version, 2);
  core::Effects effects;
  effects.id = 1;
  effects.version = 2;
  effects.chunks = {{0, "Neu.", 0, 4}};
  effects.vectors = {0, 1, 0};
  const core::Effects published[] = {effects};
  ASSERT_EQ(store_->effects().Publish(published, base::Deadline::AfterSeconds(20))->front(), core::Applied::kYes);
  EXPECT_EQ(store_->chunks().Hydrate(std::vector<core::ChunkId>{1, 2})->size(), 2u) << "readable for a while";
  ASSERT_TRUE(store_->admin().RemoveExpired(core::Now() + hours(48)));
  EXPECT_EQ(server_.Text("SELECT chunk_text FROM embeddings WHERE document_id = 1"), "Neu.\n");
}

TEST_F(TakeoverTest, AMessageOfTheSameTextIsNothingNew) {
  ASSERT_TRUE(Adopt(Find()[0]));
  core::Work work;
  work.id = 1;
  work.position = {core::kUploadsTopic, 0, 5};
  work.timestamp = core::Now();
  work.title = "Zürich";
  work.content = "Der Fluß. Die Brücke.";
  const core::Work batch[] = {work};
  const auto orders = store_->effects().Begin(batch, "worker", base::Deadline::AfterSeconds(20));
  ASSERT_TRUE(orders);
  EXPECT_EQ(orders->front().verdict, core::WorkOrder::Verdict::kAlreadyIndexed);
}

TEST_F(TakeoverTest, AQueuedDocumentIsProcessedLikeAnyOther) {
  ASSERT_TRUE(rows().Queue(3));
  ASSERT_TRUE(rows().Queue(3)) << "again is harmless";
  EXPECT_EQ(Get(3).status, DocumentStatus::kQueued);
  EXPECT_EQ(Get(3).version, 1);
  EXPECT_THAT(FoundIds(), ElementsAre(1, 2));
  const auto uploads = DueUploads();
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].document_id, 3);
  EXPECT_EQ(uploads[0].version, 1);
  EXPECT_EQ(uploads[0].content, "Soon.");
  core::Work work;
  work.id = 3;
  work.version = 1;
  const core::Work batch[] = {work};
  const auto orders = store_->effects().Begin(batch, "worker", base::Deadline::AfterSeconds(20));
  ASSERT_TRUE(orders);
  EXPECT_EQ(orders->front().verdict, core::WorkOrder::Verdict::kProcess);
  EXPECT_EQ(*store_->contents().ReadPart(3, 1, 0), "Soon.");
  EXPECT_EQ(rows().Queue(99).error().code, base::Code::kNotFound);
}

TEST_F(TakeoverTest, AQueuedDocumentThatTheOtherProgramEmbedsAfterAllIsAdopted) {
  ASSERT_TRUE(rows().Queue(3));
  server_.Execute(
      "INSERT INTO embeddings(document_id, chunk_text, chunk_index, redis_key) VALUES (3, 'Soon.', 0, "
      "'emb:doc3:chunk0')");
  const auto found = Find();
  ASSERT_EQ(found.size(), 3u);
  ASSERT_TRUE(Adopt(found[2]));
  EXPECT_EQ(Get(3).version, 2);
  EXPECT_EQ(Get(3).status, DocumentStatus::kIndexed);
  EXPECT_THAT(DueUploads(), IsEmpty());
  ASSERT_TRUE(store_->admin().RemoveExpired(core::Now() + hours(48)));
  EXPECT_THAT(Load(3).chunk_ids, ElementsAre(4));
}

TEST_F(TakeoverTest, ARowThatVanishedIsADelete) {
  const auto found = Find();
  ASSERT_TRUE(Adopt(found[0]));
  ASSERT_TRUE(rows().Queue(3));
  server_.Execute("DELETE FROM documents WHERE id IN (1, 2, 3)");
  EXPECT_EQ(*rows().DeleteVanished(), 2) << "nothing was known of the other one";
  EXPECT_EQ(*rows().DeleteVanished(), 0);
  EXPECT_FALSE(Load(1).present);
  EXPECT_EQ(Load(1).version, 1) << "the tombstone";
  EXPECT_EQ(store_->documents().Get(1).error().code, base::Code::kNotFound);
  EXPECT_THAT(DueUploads(), IsEmpty());
  EXPECT_EQ(server_.Int("SELECT count(*) FROM document_contents"), 0);
  EXPECT_EQ(server_.Int("SELECT count(*) FROM outbox WHERE topic = 'document-events' AND value LIKE '%deleted%'"), 2);
  EXPECT_THAT(FoundIds(), IsEmpty());
}

TEST_F(TakeoverTest, AWalkGoesOnWhereItWas) {
  const auto first = rows().Find(core::Now() + minutes(1), 0, 2);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->size(), 2u);
  const auto rest = rows().Find(core::Now() + minutes(1), first->back().id, 2);
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->size(), 1u);
  EXPECT_EQ(rest->front().id, 3);
}

/// As many documents and as many states is not the same as a state for each.
TEST_F(TakeoverTest, ARowThatCameWhileAnotherVanishedIsFound) {
  for (const auto& document : Find()) {
    if (document.chunks.empty()) continue;
    ASSERT_TRUE(Adopt(document));
  }
  ASSERT_TRUE(rows().Queue(3));
  ASSERT_THAT(FoundIds(), IsEmpty());
  server_.Execute("DELETE FROM documents WHERE id = 1");
  server_.Execute("INSERT INTO documents(id, title, content) VALUES (77, 'new', 'Text.')");
  EXPECT_THAT(FoundIds(), ElementsAre(77));
  EXPECT_EQ(*rows().DeleteVanished(), 1);
  EXPECT_FALSE(Load(1).present);
  EXPECT_THAT(FoundIds(), ElementsAre(77));
}

TEST_F(TakeoverTest, ChunksBesideWhatIsIndexedAreLeft) {
  const auto found = Find();
  ASSERT_TRUE(Adopt(found[0]));
  EXPECT_THAT(*rows().FindLeft(10), IsEmpty()) << "those of the others may still be adopted";
  server_.Execute(
      "INSERT INTO embeddings(document_id, chunk_text, chunk_index, redis_key) VALUES (1, 'Late.', 0, "
      "'emb:doc1:chunk0'), (1, 'Later.', 1, 'emb:doc1:chunk1')");
  EXPECT_THAT(*rows().FindLeft(10), ElementsAre(1));
  EXPECT_THAT(FoundIds(), ElementsAre(2, 3));
}

TEST_F(TakeoverTest, OurOwnDocumentsAreNotForeign) {
  core::NewDocument document;
  document.title = "ours";
  document.content = "Text.";
  const core::NewDocument batch[] = {document};
  ASSERT_TRUE(store_->documents().Accept(batch, base::Deadline::AfterSeconds(20)));
  EXPECT_THAT(FoundIds(), ElementsAre(1, 2, 3));
  EXPECT_EQ(*rows().DeleteVanished(), 0);
}

}  // namespace
}  // namespace millrace::mysql
