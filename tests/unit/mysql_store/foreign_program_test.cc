#include <array>

#include "unit/mysql_store/store_test.h"

/// Another program works on the contract's tables, beside this store.
namespace millrace::mysql {
namespace {

using core::DocumentStatus;
using Verdict = core::WorkOrder::Verdict;

class MysqlForeignProgramTest : public MysqlStoreTest {
 protected:
  core::DocumentId Insert(const std::string& content) {
    program().Run("INSERT INTO documents(title, content) VALUES ('theirs', ?)", content);
    return program().last_insert_id();
  }
  std::vector<core::DocumentId> List(const core::DocumentQuery& query) {
    std::vector<core::DocumentId> ids;
    const auto records = a().documents.List(query);
    EXPECT_TRUE(records) << records.error().message;
    for (const auto& record : *records) ids.push_back(record.id);
    return ids;
  }
};

TEST_F(MysqlForeignProgramTest, ItsRowsShowAsQueued) {
  const auto before = core::Now();
  const auto ours = Accept(Keyless("ours", "c"));
  const auto theirs = Insert("12345");
  const auto newer = Accept(Keyless("ours", "c"));
  const auto record = a().documents.Get(theirs);
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(record->title, "theirs");
  EXPECT_EQ(record->status, DocumentStatus::kQueued);
  EXPECT_EQ(record->version, 0);
  EXPECT_EQ(record->content_bytes, 5);
  EXPECT_GE(record->created_at, before - std::chrono::seconds(1));
  EXPECT_LE(record->updated_at, core::Now());
  using Ids = std::vector<core::DocumentId>;
  core::DocumentQuery query;
  EXPECT_EQ(List(query), (Ids{newer, theirs, ours}));
  query.status = DocumentStatus::kQueued;
  EXPECT_EQ(List(query), (Ids{newer, theirs, ours}));
  query.limit = 2;
  EXPECT_EQ(List(query), (Ids{newer, theirs}));
  query.before = theirs;
  EXPECT_EQ(List(query), Ids{ours});
  query.before.reset();
  query.status = DocumentStatus::kIndexed;
  EXPECT_EQ(List(query), Ids{});
  EXPECT_EQ(a().documents.Counts()->documents_by_status[static_cast<std::size_t>(DocumentStatus::kQueued)], 3);
  EXPECT_FALSE(a().feed.Load({&theirs, 1})->front().present);
  EXPECT_TRUE(a().chunks.ListChunks(theirs, 0, 10)->empty());
}

TEST_F(MysqlForeignProgramTest, AMessageWithoutATitleLeavesItsRowItsOwn) {
  const auto id = Insert("c");
  auto work = ForeignWork(id, 1, core::Now(), "new");
  work.title.reset();
  const auto orders = a().effects.Begin({&work, 1}, "worker", Soon());
  ASSERT_TRUE(orders) << orders.error().message;
  EXPECT_EQ(orders->front().title, "theirs");
  EXPECT_EQ(Count("documents WHERE title = 'theirs' AND content = 'new'"), 1);
}

TEST_F(MysqlForeignProgramTest, ItsRowsCanBeDeletedAndLeaveATombstone) {
  const auto id = Insert("c");
  program().Run("INSERT INTO embeddings(document_id, chunk_text, chunk_index, redis_key) VALUES (?, 'x', 0, 'k')", id);
  ASSERT_TRUE(a().documents.Delete(id, Soon()));
  EXPECT_EQ(b().documents.Get(id).error().code, base::Code::kNotFound);
  EXPECT_EQ(b().documents.Delete(id, Soon()).error().code, base::Code::kNotFound);
  EXPECT_EQ(Count("embeddings"), 0);
  const auto late = ForeignWork(id, 0, core::Now() - std::chrono::minutes(1), "c");
  EXPECT_EQ(a().effects.Begin({&late, 1}, contract::kWorker, Soon())->front().verdict, Verdict::kDeleted);
  const auto newer = ForeignWork(id, 1, core::Now() + std::chrono::minutes(1), "c");
  EXPECT_EQ(a().effects.Begin({&newer, 1}, contract::kWorker, Soon())->front().version, 2);
}

TEST_F(MysqlForeignProgramTest, ItsMessageOfItsOwnRowIsProcessed) {
  const auto id = Insert("their content");
  const auto work = ForeignWork(id, 0, core::Now(), "their content");
  const auto order = a().effects.Begin({&work, 1}, contract::kWorker, Soon());
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->front().verdict, Verdict::kProcess);
  EXPECT_EQ(order->front().version, 1);
  const auto effects = MakeEffects(id, 1, 2);
  EXPECT_EQ(a().effects.Publish({&effects, 1}, Soon())->front(), core::Applied::kYes);
  EXPECT_EQ(a().documents.Get(id)->status, DocumentStatus::kIndexed);
}

TEST_F(MysqlForeignProgramTest, ItReadsTheNewestVersionAndTheChunksInItsOwnTables) {
  const auto id = Accept(Keyed("k", "one", "content one"));
  Accept(Keyed("k", "two", std::string(2 << 20, 'x')));
  EXPECT_EQ(Count("documents WHERE title = 'two' AND content = repeat('x', 2 << 20)"), 1);
  const auto effects = MakeEffects(id, 2, 2);
  ASSERT_TRUE(a().effects.Publish({&effects, 1}, Soon()));
  EXPECT_EQ(Count("embeddings WHERE chunk_text = 'v2 chunk 1' AND chunk_index = 1 AND redis_key = 'emb:doc" +
                  std::to_string(id) + ":chunk1' AND length(vector) = 12"),
            1);
}

TEST_F(MysqlForeignProgramTest, AStateThatWasOnlyLockedIsNothingOfItsOwn) {
  const auto id = Insert("12345");
  program().Run("INSERT INTO document_state(document_id, version, status, progress_at) VALUES (?, 0, 'queued', 1)", id);
  const auto record = a().documents.Get(id);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->version, 0);
  EXPECT_EQ(record->title, "theirs");
  EXPECT_EQ(record->content_bytes, 5);
  EXPECT_GT(record->updated_at, core::Timestamp());
  EXPECT_TRUE(a().admin.FindStalled(core::Now(), 0, 10)->empty());
  const auto own = OwnWork(id, 1);
  EXPECT_EQ(a().effects.Begin({&own, 1}, contract::kWorker, Soon())->front().verdict, Verdict::kRefused);
  const auto work = ForeignWork(id, 0, core::Now(), "new");
  EXPECT_EQ(a().effects.Begin({&work, 1}, contract::kWorker, Soon())->front().version, 1);
}

TEST_F(MysqlForeignProgramTest, WhatItDeletesIsFencedNotFailed) {
  const auto lost = Accept(Keyless("t", "c")), kept = Accept(Keyless("t", "c"));
  program().Run("DELETE FROM documents WHERE id = ?", lost);
  const std::array effects = {MakeEffects(kept, 1, 1), MakeEffects(lost, 1, 1)};
  const auto applied = a().effects.Publish(effects, Soon());
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(*applied, (std::vector{core::Applied::kYes, core::Applied::kFenced}));
  EXPECT_EQ(*a().effects.Stage(effects[1], Soon()), core::Applied::kFenced);
}

TEST_F(MysqlForeignProgramTest, WhatItDeletesAfterTheIndexingIsNotAnswered) {
  const auto lost = Accept(Keyless("t", "c")), kept = Accept(Keyless("t", "c"));
  const std::array effects = {MakeEffects(lost, 1, 1), MakeEffects(kept, 1, 3)};
  ASSERT_TRUE(a().effects.Publish(effects, Soon()));
  program().Run("DELETE FROM documents WHERE id = ?", lost);
  program().Run("DELETE FROM embeddings WHERE document_id = ? AND chunk_index = 1", kept);
  const std::array<core::DocumentId, 2> ids = {lost, kept};
  const auto entries = a().feed.Load(ids);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_FALSE((*entries)[0].present);
  EXPECT_EQ((*entries)[1].chunk_ids.size(), 2u);
  const auto page = a().feed.Scan(0, 1);  // the first page would hold the lost one only
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 1u);
  EXPECT_EQ(page->front().id, kept);
}

}  // namespace
}  // namespace millrace::mysql
