#include <array>

#include "contract/store_contract.h"

/// DELIVERY §3: records that other programs, or this store before a restore, put on `document-uploads`.
namespace millrace::contract {
namespace {

using core::DocumentStatus;
using std::chrono::hours;
using std::chrono::milliseconds;
using Verdict = core::WorkOrder::Verdict;

TEST_P(ForeignRecordContract, AnUnknownIdMakesADocument) {
  auto work = ForeignWork(999, 4, core::Now(), "the content");
  work.chunking.strategy = core::ChunkStrategy::kSentence;
  const auto order = Begin(work);
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 1);
  EXPECT_EQ(order.title, "foreign");
  EXPECT_EQ(order.content_bytes, 11);
  EXPECT_EQ(order.attempts, 1);
  Reopen();
  const auto record = Get(999);
  EXPECT_EQ(record.title, "foreign");
  EXPECT_FALSE(record.key.has_value());
  EXPECT_EQ(record.status, DocumentStatus::kProcessing);
  EXPECT_EQ(record.version, 1);
  EXPECT_EQ(order.chunking, work.chunking);
  EXPECT_EQ(record.chunking, work.chunking);
  EXPECT_EQ(record.position, work.position);
  EXPECT_TRUE(record.steps.received.has_value());
  EXPECT_EQ(*ports().contents.ReadPart(999, 1, 0), "the content");
  EXPECT_TRUE(DueUploads().empty());  // it lies in the log already
  EXPECT_EQ(Publish(MakeEffects(999, 1, 2)), core::Applied::kYes);
  EXPECT_EQ(Get(999).status, DocumentStatus::kIndexed);
}

TEST_P(ForeignRecordContract, WithoutATitleADocumentKeepsItsOwn) {
  const auto accepted = AcceptIndexed(Keyless("its title", "old"));
  auto untitled = ForeignWork(accepted.id, 1, core::Now() + hours(1), "new");
  untitled.title.reset();
  const auto order = Begin(untitled);
  EXPECT_EQ(order.version, 2);
  EXPECT_EQ(order.title, "its title");
  EXPECT_EQ(Get(accepted.id).title, "its title");
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 2, 1)), core::Applied::kYes);
  untitled.position.offset = 2;
  EXPECT_EQ(Begin(untitled).verdict, Verdict::kAlreadyIndexed) << "nothing is new";
  untitled.position.offset = 3;
  untitled.id = 999;
  EXPECT_EQ(Begin(untitled).title, "");
  auto emptied = ForeignWork(accepted.id, 4, core::Now() + hours(1), "new");
  emptied.title = "";
  EXPECT_EQ(Begin(emptied).version, 3);
  EXPECT_EQ(Get(accepted.id).title, "");
}

TEST_P(ForeignRecordContract, OurOwnIdsGoOnAboveForeignOnes) {
  Begin(ForeignWork(1000, 0, core::Now(), "c"));
  Reopen();
  EXPECT_EQ(Accept(Keyless("t", "c")).id, 1001);
  Begin(ForeignWork(5, 1, core::Now(), "c"));
  EXPECT_EQ(Accept(Keyless("t", "c")).id, 1002);
}

TEST_P(ForeignRecordContract, AnIdFarAboveTheHighestIsRefused) {
  const auto highest = Accept(Keyless("t", "c")).id;
  for (const core::DocumentId id : {highest + 10'000'001, core::DocumentId{0}, core::DocumentId{-1}}) {
    const auto order = Begin(ForeignWork(id, 0, core::Now(), "c"));
    EXPECT_EQ(order.verdict, Verdict::kRefused) << id;
    EXPECT_FALSE(order.reason.empty());
    EXPECT_EQ(ports().documents.Get(id).error().code, base::Code::kNotFound);
  }
  EXPECT_EQ(Begin(ForeignWork(highest + 10'000'000, 1, core::Now(), "c")).verdict, Verdict::kProcess);
}

TEST_P(ForeignRecordContract, TheHighestIdIsNotLoweredByADelete) {
  Begin(ForeignWork(9'000'000, 0, core::Now(), "c"));
  Delete(9'000'000);
  EXPECT_EQ(Begin(ForeignWork(19'000'000, 1, core::Now(), "c")).verdict, Verdict::kProcess);
}

TEST_P(ForeignRecordContract, ALaterPositionIsANewVersion) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "one"));
  Publish(MakeEffects(7, 1, 1));
  const auto order = Begin(ForeignWork(7, 11, now, "two"));  // the same millisecond
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 2);
  EXPECT_EQ(Get(7).version, 2);
  EXPECT_EQ(Get(7).position->offset, 11);
  EXPECT_EQ(*ports().contents.ReadPart(7, 2, 0), "two");
  EXPECT_EQ(*ports().contents.ReadPart(7, 1, 0), "one");
}

TEST_P(ForeignRecordContract, ARecordDeliveredAgainKeepsItsVersion) {
  const auto work = ForeignWork(7, 10, core::Now(), "one");
  EXPECT_EQ(Begin(work).version, 1);
  Stage(MakeEffects(7, 1, 3));
  Reopen();
  const auto again = Begin(work);  // its worker died
  EXPECT_EQ(again.verdict, Verdict::kProcess);
  EXPECT_EQ(again.version, 1);
  EXPECT_EQ(again.staged_chunks, 3);
  EXPECT_EQ(again.attempts, 2);
  Publish(MakeEffects(7, 1, 1, 3));
  const auto late = Begin(work);
  EXPECT_EQ(late.verdict, Verdict::kAlreadyIndexed);
  EXPECT_EQ(late.version, 1);
  EXPECT_EQ(Get(7).version, 1);
}

TEST_P(ForeignRecordContract, AnEarlierPositionIsANoOp) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "new"));
  EXPECT_EQ(Begin(ForeignWork(7, 9, now, "old")).verdict, Verdict::kSuperseded);
  EXPECT_EQ(Get(7).version, 1);
  EXPECT_EQ(*ports().contents.ReadPart(7, 1, 0), "new");
  Publish(MakeEffects(7, 1, 1));
  EXPECT_EQ(Begin(ForeignWork(7, 9, now - milliseconds(5), "old")).verdict, Verdict::kSuperseded);
  EXPECT_EQ(Get(7).version, 1);
  EXPECT_EQ(Get(7).status, DocumentStatus::kIndexed);
}

TEST_P(ForeignRecordContract, AfterATopicWasMadeAnewTheTimestampDecides) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "one"));
  Publish(MakeEffects(7, 1, 1));
  const auto order = Begin(ForeignWork(7, 3, now + milliseconds(1), "two"));
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 2);
  EXPECT_EQ(Get(7).position->offset, 3);
  EXPECT_EQ(Begin(ForeignWork(7, 2, now, "stale")).verdict, Verdict::kSuperseded);
}

TEST_P(ForeignRecordContract, PositionsOfOtherPartitionsCompareByTimestamp) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "one"));
  auto elsewhere = ForeignWork(7, 50, now - milliseconds(1), "stale");
  elsewhere.position.partition = 1;
  EXPECT_EQ(Begin(elsewhere).verdict, Verdict::kSuperseded);
  elsewhere.position.offset = 1;
  elsewhere.timestamp = now + milliseconds(1);
  elsewhere.content = "two";
  EXPECT_EQ(Begin(elsewhere).version, 2);
}

TEST_P(ForeignRecordContract, EqualTitleAndContentIsNothingNew) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "same"));
  Publish(MakeEffects(7, 1, 1));
  const auto order = Begin(ForeignWork(7, 11, now, "same"));
  EXPECT_EQ(order.verdict, Verdict::kAlreadyIndexed);
  EXPECT_EQ(order.version, 1);
  EXPECT_EQ(Get(7).version, 1);
  EXPECT_EQ(Get(7).status, DocumentStatus::kIndexed);
  auto retitled = ForeignWork(7, 12, now, "same");
  retitled.title = "another title";
  EXPECT_EQ(Begin(retitled).version, 2);
}

TEST_P(ForeignRecordContract, EqualTitleAndContentIsProcessedWhereItIsNotIndexed) {
  const auto now = core::Now();
  Begin(ForeignWork(7, 10, now, "same"));
  Fail(7, 1);
  const auto order = Begin(ForeignWork(7, 11, now, "same"));
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 1);
}

TEST_P(ForeignRecordContract, ADocumentOfOursTakesTheRecordsContentAndKeepsTheRest) {
  auto document = Keyed("k", "t", "ours");
  document.metadata["lang"] = core::MetadataScalar(std::string("en"));
  document.chunking = {core::ChunkStrategy::kSentence, 99, 3};
  const auto accepted = AcceptIndexed(document);
  const auto order = Begin(ForeignWork(accepted.id, 5, core::Now() + hours(1), "theirs"));
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 2);
  EXPECT_EQ(order.chunking, document.chunking);
  const auto record = Get(accepted.id);
  EXPECT_EQ(record.title, "foreign");
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.metadata, document.metadata);
  EXPECT_EQ(Accept(Keyed("k", "t", "ours again")).version, 3);
}

TEST_P(ForeignRecordContract, ARecordBeforeOurOwnMessageIsOlderThanIt) {
  const auto accepted = Accept(Keyed("k", "t", "ours"));
  for (const auto& row : Claim()) MarkSent(row, {row.topic, 0, 10});
  EXPECT_EQ(Begin(ForeignWork(accepted.id, 9, core::Now() - hours(1), "theirs")).verdict, Verdict::kSuperseded);
  EXPECT_EQ(Get(accepted.id).version, 1);
  EXPECT_EQ(Begin(ForeignWork(accepted.id, 11, core::Now(), "theirs")).version, 2);
}

TEST_P(ForeignRecordContract, ANewVersionOfOursDoesNotForgetWhereTheRecordLay) {
  const auto ours = AcceptIndexed(Keyed("k", "t", "ours"));
  const auto work = ForeignWork(ours.id, 10, core::Now(), "theirs");
  EXPECT_EQ(Begin(work).version, 2);
  EXPECT_EQ(Accept(Keyed("k", "t", "ours again")).version, 3);
  const auto again = Begin(work);
  EXPECT_EQ(again.verdict, Verdict::kSuperseded);
  EXPECT_EQ(again.version, 2);
  EXPECT_EQ(Get(ours.id).version, 3);
  EXPECT_FALSE(Get(ours.id).position.has_value());
}

TEST_P(ForeignRecordContract, OurOwnMessageFromBeforeARestoreIsKnownByItsPosition) {
  const auto accepted = Accept(Keyless("t", "ours"));
  auto own = OwnWork(accepted.id, 1);
  own.position = {core::kUploadsTopic, 0, 10};
  Begin(own);
  auto of_an_old_epoch = ForeignWork(accepted.id, 10, own.timestamp, "ours");
  EXPECT_EQ(Begin(of_an_old_epoch).version, 1);
  EXPECT_EQ(Get(accepted.id).version, 1);
}

TEST_P(ForeignRecordContract, ADeletedDocumentIsRevivedOnlyByANewerRecord) {
  const auto first = ForeignWork(7, 10, core::Now() - hours(1), "one");
  Begin(first);
  Publish(MakeEffects(7, 1, 2));
  Delete(7);
  const auto deleted_at = core::Now();
  EXPECT_EQ(Begin(first).verdict, Verdict::kDeleted);
  EXPECT_EQ(Begin(ForeignWork(7, 11, deleted_at - hours(1), "two")).verdict, Verdict::kDeleted);
  EXPECT_EQ(ports().documents.Get(7).error().code, base::Code::kNotFound);
  Reopen();

  const auto order = Begin(ForeignWork(7, 12, deleted_at + milliseconds(1), "three"));
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 2);
  auto record = Get(7);
  EXPECT_EQ(record.status, DocumentStatus::kProcessing);
  EXPECT_EQ(record.indexed_version, 0);
  EXPECT_EQ(record.chunk_count, 0);
  EXPECT_FALSE(Load(7).present);
  EXPECT_EQ(Begin(OwnWork(7, 1)).verdict, Verdict::kDeleted);  // what was deleted stays so
  EXPECT_EQ(Publish(MakeEffects(7, 1, 1)), core::Applied::kFenced);
  EXPECT_EQ(Publish(MakeEffects(7, 2, 3)), core::Applied::kYes);
  EXPECT_EQ(Get(7).indexed_version, 2);
  EXPECT_TRUE(Load(7).present);
  Delete(7);
  EXPECT_EQ(ports().documents.Get(7).error().code, base::Code::kNotFound);
  EXPECT_EQ(Load(7).version, 2);
}

TEST_P(ForeignRecordContract, ADeletedRecordDeliveredAgainRevivesNothing) {  // even when its producer's clock was ahead
  const auto work = ForeignWork(7, 10, core::Now() + hours(1), "one");
  Begin(work);
  Delete(7);
  EXPECT_EQ(Begin(work).verdict, Verdict::kDeleted);
  EXPECT_EQ(Begin(ForeignWork(7, 9, work.timestamp, "zero")).verdict, Verdict::kDeleted);
  EXPECT_EQ(ports().documents.Get(7).error().code, base::Code::kNotFound);
}

TEST_P(ForeignRecordContract, ARevivedDocumentHasLostItsKey) {
  const auto accepted = Accept(Keyed("k", "t", "c"));
  Delete(accepted.id);
  Begin(ForeignWork(accepted.id, 0, core::Now() + hours(1), "back"));
  EXPECT_FALSE(Get(accepted.id).key.has_value());
  EXPECT_GT(Accept(Keyed("k", "t", "c")).id, accepted.id);
}

TEST_P(ForeignRecordContract, RecordsOfOneDocumentInABatchAreAppliedInOrder) {
  const auto now = core::Now();
  const std::array batch = {ForeignWork(7, 10, now, "one"), ForeignWork(8, 11, now, "x"),
                            ForeignWork(7, 12, now, "two"), ForeignWork(7, 12, now, "two")};
  const auto orders = ports().effects.Begin(batch, kWorker, Soon());
  ASSERT_TRUE(orders);
  ASSERT_EQ(orders->size(), 4u);
  EXPECT_EQ((*orders)[0].version, 1);
  EXPECT_EQ((*orders)[1].version, 1);
  EXPECT_EQ((*orders)[2].version, 2);
  EXPECT_EQ((*orders)[3].version, 2);
  EXPECT_EQ(Get(7).version, 2);
  EXPECT_EQ(*ports().contents.ReadPart(7, 2, 0), "two");
}

}  // namespace
}  // namespace millrace::contract
