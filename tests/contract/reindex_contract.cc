#include <tuple>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using core::Applied;
using core::DocumentStatus;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Verdict = core::WorkOrder::Verdict;

class Reindexing {
 public:
  explicit Reindexing(core::Reindexer& reindexer) : reindexer_(reindexer) {}
  core::ReindexBatch operator()(const core::ReindexQuery& query = {}) const {
    const auto count = reindexer_.Count(query);
    auto batch = reindexer_.Reindex(query, Soon());
    EXPECT_TRUE(count && batch) << (batch ? "" : batch.error().message);
    if (!batch) return {};
    EXPECT_TRUE(batch->cursor || *count == static_cast<std::int64_t>(batch->queued.size())) << *count;
    return *batch;
  }

 private:
  core::Reindexer& reindexer_;
};

core::ReindexQuery Only(core::DocumentId id) {
  core::ReindexQuery query;
  query.ids = {id};
  return query;
}

TEST_P(ReindexContract, TheOldStateAnswersUntilTheNewTakesItsPlace) {
  const auto accepted = AcceptIndexed(Keyed("k", "title", "content"), 2);
  const auto before = ChunkIds(accepted.id);
  Drain();
  EXPECT_THAT(Reindexing{ports().reindexer}().queued, ElementsAre(accepted.id));
  Reopen();
  auto record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kQueued);
  EXPECT_EQ(std::tuple(record.version, record.indexed_version, record.revision), std::tuple(2, 1, 0));
  EXPECT_EQ(record.title, "title");
  EXPECT_EQ(record.chunk_count, 2);
  EXPECT_EQ(ChunkIds(accepted.id), before);
  EXPECT_EQ(CountHydrated(before), 2u);
  EXPECT_TRUE(Load(accepted.id).present);
  const auto events = TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].status, DocumentStatus::kQueued);
  EXPECT_EQ(events[0].version, 2);
  const auto uploads = DueUploads();
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].version, 2);
  EXPECT_EQ(uploads[0].content, "content");

  const auto order = Begin(OwnWork(accepted.id, 2));
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.title, "title");
  EXPECT_EQ(order.content_bytes, 7);
  EXPECT_EQ(order.attempts, 1);
  EXPECT_EQ(*ports().contents.ReadPart(accepted.id, 2, 0), "content");
  Stage(MakeEffects(accepted.id, 2, 1));
  EXPECT_EQ(ChunkIds(accepted.id), before);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 2, 2, 1)), Applied::kYes);
  record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kIndexed);
  EXPECT_EQ(std::tuple(record.version, record.indexed_version, record.revision), std::tuple(2, 2, 1));
  EXPECT_EQ(Load(accepted.id).revision, 1);
  EXPECT_EQ(TakeEvents().back().revision, 1);
  const auto after = ChunkIds(accepted.id);
  EXPECT_EQ(after.size(), 3u);
  EXPECT_GT(after.front(), before.back());
  EXPECT_EQ(CountHydrated(before), 2u);  // for answers under way
  ASSERT_TRUE(ports().admin.RemoveExpired(core::Now() + seconds(61)));
  EXPECT_EQ(CountHydrated(before), 0u);
  ASSERT_TRUE(ports().admin.RemoveExpired(core::Now() + hours(25)));
  EXPECT_TRUE(HasBody(accepted.id, 2));
  EXPECT_THAT(Reindexing{ports().reindexer}().queued, ElementsAre(accepted.id));
  EXPECT_EQ(DueUploads().front().content, "content");
}

TEST_P(ReindexContract, TheRevisionCountsTimesAndANewContentBeginsAgain) {
  const auto id = AcceptIndexed(Keyed("k", "t", "one")).id;
  for (core::Version version = 2; version <= 3; ++version) {
    Reindexing{ports().reindexer}();
    Begin(OwnWork(id, version));
    Publish(MakeEffects(id, version, 1));
    EXPECT_EQ(Get(id).revision, version - 1);
  }
  EXPECT_EQ(Accept(Keyed("k", "t", "one")).kind, core::AcceptKind::kUnchanged);
  EXPECT_EQ(Accept(Keyed("k", "t", "two")).version, 4);
  Begin(OwnWork(id, 4));
  Publish(MakeEffects(id, 4, 1));
  EXPECT_EQ(Get(id).revision, 0);
}

TEST_P(ReindexContract, WhatFailedIsTriedAgainAsItIs) {
  const auto failed = Accept(Keyless("t", "failed"));
  const auto dead = Accept(Keyless("t", "dead"));
  const auto indexed = AcceptIndexed(Keyless("t", "indexed"));
  Begin(OwnWork(failed.id, 1));
  Fail(failed.id, 1);
  Begin(OwnWork(dead.id, 1));
  FailForGood(dead.id, 1, 5);
  Drain();
  core::ReindexQuery query;
  query.statuses = {DocumentStatus::kFailed, DocumentStatus::kDeadLettered};
  EXPECT_THAT(Reindexing{ports().reindexer}(query).queued, ElementsAre(dead.id, failed.id));
  for (const auto id : {failed.id, dead.id}) {
    const auto record = Get(id);
    EXPECT_EQ(record.status, DocumentStatus::kQueued);
    EXPECT_EQ(record.version, 1);
    EXPECT_EQ(record.attempts, 0);
    EXPECT_FALSE(record.error);
    EXPECT_EQ(Begin(OwnWork(id, 1)).verdict, Verdict::kProcess);
    Publish(MakeEffects(id, 1, 1));
    EXPECT_EQ(Get(id).revision, 0);
  }
  EXPECT_THAT(DeadLetters(), IsEmpty());
  EXPECT_EQ(Get(indexed.id).version, 1);
}

TEST_P(ReindexContract, WhatIsUnderWayOrDeletedIsLeftOut) {
  const auto queued = Accept(Keyless("t", "queued"));
  const auto processing = Accept(Keyless("t", "processing"));
  Begin(OwnWork(processing.id, 1));
  const auto retrying = Accept(Keyless("t", "retrying"));
  Begin(OwnWork(retrying.id, 1));
  FailForNow(retrying.id, 1, core::Now() + hours(1));
  const auto deleted = AcceptIndexed(Keyless("t", "deleted"));
  Delete(deleted.id);
  EXPECT_THAT(Reindexing{ports().reindexer}().queued, IsEmpty());
  EXPECT_THAT(Reindexing{ports().reindexer}(Only(deleted.id)).queued, IsEmpty());
  EXPECT_THAT(Reindexing{ports().reindexer}(Only(queued.id + 1000)).queued, IsEmpty());
  EXPECT_EQ(Get(queued.id).version, 1);
}

TEST_P(ReindexContract, BatchesGoDownAndLeaveOutWhatComesMeanwhile) {
  std::vector<core::DocumentId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(AcceptIndexed(Keyless("t", "c")).id);
  core::ReindexQuery query;
  query.limit = 2;
  const auto first = Reindexing{ports().reindexer}(query);
  EXPECT_THAT(first.queued, ElementsAre(ids[4], ids[3]));
  ASSERT_TRUE(first.cursor);
  AcceptIndexed(Keyless("t", "meanwhile"));
  query.before = first.cursor;
  EXPECT_EQ(*ports().reindexer.Count(query), 3);
  const auto second = Reindexing{ports().reindexer}(query);
  EXPECT_THAT(second.queued, ElementsAre(ids[2], ids[1]));
  query.before = second.cursor;
  const auto third = Reindexing{ports().reindexer}(query);
  EXPECT_THAT(third.queued, ElementsAre(ids[0]));
  EXPECT_FALSE(third.cursor);
}

TEST_P(ReindexContract, AKeyPrefixChooses) {
  const auto a = AcceptIndexed(Keyed("docs/a_1", "t", "c")).id;
  AcceptIndexed(Keyed("docs/ab1", "t", "c"));
  AcceptIndexed(Keyed("x/docs/a_1", "t", "c"));
  AcceptIndexed(Keyless("t", "c"));
  const auto umlaut = AcceptIndexed(Keyed("\xc3\xa4/1", "t", "c")).id;
  core::ReindexQuery query;
  query.key_prefix = "docs/a_";
  EXPECT_THAT(Reindexing{ports().reindexer}(query).queued, ElementsAre(a));
  query.key_prefix = "\xc3\xa4";
  EXPECT_THAT(Reindexing{ports().reindexer}(query).queued, ElementsAre(umlaut));
  query.key_prefix = "%";
  EXPECT_THAT(Reindexing{ports().reindexer}(query).queued, IsEmpty());
}

TEST_P(ReindexContract, AFailureLeavesTheOldStateAnswering) {
  const auto id = AcceptIndexed(Keyless("t", "c"), 2).id;
  const auto before = ChunkIds(id);
  Reindexing{ports().reindexer}();
  Begin(OwnWork(id, 2));
  Stage(MakeEffects(id, 2, 1));
  Fail(id, 2);
  EXPECT_EQ(ChunkIds(id), before);
  EXPECT_EQ(Get(id).indexed_version, 1);
  EXPECT_EQ(Get(id).revision, 0);
  Reindexing{ports().reindexer}();
  EXPECT_EQ(Begin(OwnWork(id, 2)).staged_chunks, 0);
  EXPECT_EQ(Publish(MakeEffects(id, 2, 1)), Applied::kYes);
  EXPECT_EQ(Get(id).revision, 1);
}

TEST_P(ReindexContract, OlderWorkIsFenced) {
  const auto id = AcceptIndexed(Keyless("t", "c")).id;
  Reindexing{ports().reindexer}();
  EXPECT_EQ(Begin(OwnWork(id, 1)).verdict, Verdict::kAlreadyIndexed);
  EXPECT_EQ(Publish(MakeEffects(id, 1, 1)), Applied::kFenced);
  Delete(id);
  EXPECT_EQ(Begin(OwnWork(id, 2)).verdict, Verdict::kDeleted);
  EXPECT_EQ(Publish(MakeEffects(id, 2, 1)), Applied::kFenced);
  EXPECT_THAT(DueUploads(), IsEmpty());
}

/// What another program wrote before the upload of the re-indexed version, and nobody has read yet, is newer than it.
TEST_P(ReindexContract, AForeignRecordBeforeTheCopyIsStillNews) {
  const auto time = core::Now() - hours(1);
  for (const auto& later : {time, time + hours(1)}) {  // at the latest the same millisecond
    const core::DocumentId id = later == time ? 7 : 8;
    const auto original = ForeignWork(id, 10, time, "one");
    Begin(original);
    Publish(MakeEffects(id, 1, 1));
    Drain();
    Reindexing{ports().reindexer}(Only(id));
    for (const auto& row : Claim()) {
      MarkSent(row, {row.topic, 0, 20});
      EXPECT_EQ(row.version, 2);
    }
    auto own = OwnWork(id, 2);
    own.position = {core::kUploadsTopic, 0, 20};
    EXPECT_EQ(Get(id).position, own.position);  // the sweeper must see that it lies in the log
    Begin(own);
    Publish(MakeEffects(id, 2, 1));
    EXPECT_EQ(Begin(ForeignWork(id, 5, time - hours(1), "zero")).verdict, Verdict::kSuperseded);
    const auto order = Begin(ForeignWork(id, 11, later, "two"));
    EXPECT_EQ(order.verdict, Verdict::kProcess);
    EXPECT_EQ(order.version, 3);
    EXPECT_EQ(Get(id).title, "foreign");
    EXPECT_EQ(*ports().contents.ReadPart(id, 3, 0), "two");
  }
}

TEST_P(ReindexContract, APassedDeadlineChangesNothing) {
  const auto id = AcceptIndexed(Keyless("t", "c")).id;
  const auto batch = ports().reindexer.Reindex({}, base::Deadline::Expired());
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, Code::kDeadlineExceeded);
  EXPECT_EQ(Get(id).version, 1);
}

}  // namespace
}  // namespace millrace::contract
