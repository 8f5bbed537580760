#include <algorithm>
#include <array>
#include <thread>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using core::OutboxRow;
using std::chrono::milliseconds;
using std::chrono::minutes;

std::vector<OutboxRow> OfTopic(const std::vector<OutboxRow>& rows, const std::string& topic) {
  std::vector<OutboxRow> found;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(found),
               [&](const auto& row) { return row.topic == topic; });
  return found;
}

TEST_P(OutboxContract, AnAcceptedDocumentOwesAnUploadAndAnEvent) {
  const auto before = core::Now();
  const auto accepted = Accept(Keyless("title", "abc"));
  Reopen();
  const auto rows = Claim();
  ASSERT_EQ(rows.size(), 2u);
  const auto uploads = OfTopic(rows, core::kUploadsTopic);
  ASSERT_EQ(uploads.size(), 1u);
  const auto& row = uploads.front();
  EXPECT_EQ(row.document_id, accepted.id);
  EXPECT_EQ(row.version, 1);
  EXPECT_FALSE(row.record.has_value());
  EXPECT_EQ(row.title, "title");
  EXPECT_EQ(row.content, "abc");
  EXPECT_EQ(row.content_bytes, 3);
  EXPECT_EQ(row.content_hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_GE(row.created_at, before);
  EXPECT_LE(row.created_at, core::Now());
  const auto events = OfTopic(rows, core::kEventsTopic);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events.front().document_id, accepted.id);
  ASSERT_TRUE(events.front().record.has_value());
  EXPECT_EQ(events.front().record->key, core::DocumentKey(accepted.id));
  EXPECT_TRUE(events.front().record->value.has_value());
}

TEST_P(OutboxContract, ContentAboveTheInlineLimitStaysInTheStore) {
  Accept(Keyless("fits", std::string(100, 'x')));
  Accept(Keyless("does not", std::string(101, 'x')));
  const auto claimed = ports().outbox.Claim(10, 100, minutes(1));
  ASSERT_TRUE(claimed);
  const auto uploads = OfTopic(*claimed, core::kUploadsTopic);
  ASSERT_EQ(uploads.size(), 2u);
  EXPECT_EQ(uploads[0].content, std::string(100, 'x'));
  EXPECT_FALSE(uploads[1].content.has_value());
  EXPECT_EQ(uploads[1].content_bytes, 101);
}

TEST_P(OutboxContract, ContentOfManyPartsTravelsWholeWhenItFits) {
  const std::string content(core::ContentStore::kContentPartBytes + 10, 'x');
  Accept(Keyless("t", content));
  const auto claimed = ports().outbox.Claim(10, content.size(), minutes(1));
  ASSERT_TRUE(claimed);
  EXPECT_TRUE(OfTopic(*claimed, core::kUploadsTopic).front().content == content);
}

TEST_P(OutboxContract, ClaimKeepsToItsLimitAndTheOrderOfTheRows) {
  for (int i = 0; i < 5; ++i) Accept(Keyless("t", std::to_string(i)));
  std::vector<std::int64_t> ids;
  for (const std::size_t expected : {4, 4, 2, 0}) {
    const auto rows = ports().outbox.Claim(4, 100, minutes(1));
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->size(), expected);
    for (const auto& row : *rows) ids.push_back(row.id);
  }
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

TEST_P(OutboxContract, OneUnacknowledgedRowPerDocumentAndTopic) {
  const auto accepted = Accept(Keyed("k", "one", "c1"));
  Accept(Keyed("k", "two", "c2"));
  const auto other = Accept(Keyless("other", "c"));
  const auto first = OfTopic(Claim(), core::kUploadsTopic);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].document_id, accepted.id);
  EXPECT_EQ(first[0].version, 1);
  EXPECT_EQ(first[0].title, "one");  // of that version
  EXPECT_EQ(first[0].content, "c1");
  EXPECT_EQ(first[1].document_id, other.id);
  EXPECT_TRUE(Claim().empty());  // version 2 waits for the report on version 1
  MarkSent(first[0], {core::kUploadsTopic, 0, 0});
  const auto second = Claim();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].version, 2);
  EXPECT_EQ(second[0].title, "two");
}

TEST_P(OutboxContract, AClaimedUploadDoesNotHoldBackEvents) {
  Accept(Keyless("t", "c"));
  const auto rows = Claim();
  for (const auto& row : OfTopic(rows, core::kEventsTopic)) MarkSent(row, {row.topic, 0, 0});
  Begin(OwnWork(rows.front().document_id, 1));
  const auto next = Claim();
  ASSERT_EQ(next.size(), 1u);
  EXPECT_EQ(next.front().topic, core::kEventsTopic);
}

TEST_P(OutboxContract, AnExpiredLeaseMayBeClaimedAgain) {
  Accept(Keyless("t", "c"));
  constexpr milliseconds kLease{2000};  // long enough for the next claim to come before its end
  const auto first = Claim(kLease);
  ASSERT_EQ(first.size(), 2u);
  EXPECT_TRUE(Claim().empty());
  std::this_thread::sleep_for(kLease + milliseconds(50));
  const auto second = Claim();
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].id, first[0].id);
  EXPECT_EQ(second[1].id, first[1].id);
}

TEST_P(OutboxContract, ReleaseGivesBackAtOnce) {
  Accept(Keyless("t", "c"));
  const auto rows = Claim(minutes(10));
  ASSERT_EQ(rows.size(), 2u);
  Release({rows[1]});
  const auto again = Claim();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].id, rows[1].id);
  EXPECT_EQ(BacklogRows(), 2);
}

TEST_P(OutboxContract, MarkSentRemovesTheRowAndKeepsThePosition) {
  const auto accepted = Accept(Keyless("t", "c"));
  EXPECT_FALSE(Get(accepted.id).position.has_value());
  for (const auto& row : Claim()) {
    if (row.topic == core::kUploadsTopic) MarkSent(row, {core::kUploadsTopic, 2, 17});
    if (row.topic == core::kEventsTopic) MarkSent(row, {core::kEventsTopic, 1, 99});
  }
  Reopen();
  EXPECT_EQ(Get(accepted.id).position, (core::Position{core::kUploadsTopic, 2, 17}));
  EXPECT_EQ(Get(accepted.id).status, core::DocumentStatus::kQueued);
  EXPECT_EQ(BacklogRows(), 0);
  EXPECT_TRUE(Claim().empty());
}

TEST_P(OutboxContract, ThePositionShownIsThatOfTheNewestVersion) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  const auto rows = OfTopic(Claim(), core::kUploadsTopic);
  Accept(Keyed("k", "t", "two"));
  MarkSent(rows.front(), {core::kUploadsTopic, 0, 5});
  EXPECT_FALSE(Get(accepted.id).position.has_value());
  const auto next = OfTopic(Claim(), core::kUploadsTopic);
  ASSERT_EQ(next.size(), 1u);
  MarkSent(next.front(), {core::kUploadsTopic, 0, 6});
  EXPECT_EQ(Get(accepted.id).position, (core::Position{core::kUploadsTopic, 0, 6}));
}

TEST_P(OutboxContract, ReportsOnRowsThatWentMeanwhileAreHarmless) {
  const auto accepted = Accept(Keyless("t", "c"));
  const auto rows = Claim();
  Delete(accepted.id);
  for (const auto& row : rows) MarkSent(row, {row.topic, 0, 0});
  Release(rows);
  const auto left = Claim();
  ASSERT_EQ(left.size(), 1u);  // the deletion's own event
  EXPECT_EQ(left[0].topic, core::kEventsTopic);
}

TEST_P(OutboxContract, SyncRowsAreNotDueAtOnceAndGoWithThePublish) {
  auto document = Keyless("t", "c");
  document.sync = true;
  const auto accepted = Accept(document);
  EXPECT_TRUE(DueUploads().empty());
  EXPECT_EQ(BacklogRows(), 2);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, core::WorkOrder::Verdict::kProcess);
  Publish(MakeEffects(accepted.id, 1, 1));
  TakeEvents();
  EXPECT_EQ(BacklogRows(), 0);
}

TEST_P(OutboxContract, ARowThatIsNotDueHoldsBackNewerOnesOfItsDocument) {
  auto document = Keyed("k", "t", "one");
  document.sync = true;
  const auto accepted = Accept(document);
  Accept(Keyed("k", "t", "two"));
  EXPECT_TRUE(DueUploads().empty());
  Publish(MakeEffects(accepted.id, 1, 1));
  ASSERT_EQ(DueUploads().size(), 1u);
  EXPECT_EQ(DueUploads().front().version, 2);
}

TEST_P(OutboxContract, PublishRemovesTheUploadsItMadeNeedless) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  Accept(Keyed("k", "t", "two"));
  Accept(Keyed("k", "t", "three"));
  Publish(MakeEffects(accepted.id, 2, 1));
  ASSERT_EQ(DueUploads().size(), 1u);
  EXPECT_EQ(DueUploads().front().version, 3);
}

TEST_P(OutboxContract, AFailureRemovesItsOwnUpload) {  // or it would be tried again after all
  const auto accepted = Accept(Keyless("t", "c"));
  Fail(accepted.id, 1);
  EXPECT_TRUE(DueUploads().empty());
}

TEST_P(OutboxContract, RequeueAddsOneRowWhereThereIsNone) {
  const auto accepted = Accept(Keyless("title", "abc"));
  ASSERT_TRUE(ports().outbox.Requeue(accepted.id, 1));
  EXPECT_EQ(BacklogRows(), 2);
  Drain();
  ASSERT_TRUE(ports().outbox.Requeue(accepted.id, 1));
  ASSERT_TRUE(ports().outbox.Requeue(accepted.id, 1));
  Reopen();
  EXPECT_EQ(BacklogRows(), 1);
  const auto uploads = DueUploads();
  ASSERT_EQ(uploads.size(), 1u);
  EXPECT_EQ(uploads[0].document_id, accepted.id);
  EXPECT_EQ(uploads[0].version, 1);
  EXPECT_EQ(uploads[0].title, "title");
  EXPECT_EQ(uploads[0].content, "abc");
  EXPECT_EQ(uploads[0].content_hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_P(OutboxContract, RequeueOfWhatNeedsNoDeliveryAddsNothing) {
  const auto indexed = AcceptIndexed(Keyless("t", "a"));
  const auto overtaken = Accept(Keyed("k", "t", "one"));
  Accept(Keyed("k", "t", "two"));
  const auto deleted = Accept(Keyless("t", "b"));
  Delete(deleted.id);
  Drain();
  for (const auto id : {indexed.id, overtaken.id, deleted.id}) EXPECT_TRUE(ports().outbox.Requeue(id, 1));
  EXPECT_EQ(BacklogRows(), 0);
}

TEST_P(OutboxContract, BacklogCountsEveryUnsentRowAndTheOldest) {
  auto empty = ports().outbox.Backlog();
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->rows, 0);
  EXPECT_FALSE(empty->oldest.has_value());
  const auto before = core::Now();
  Accept(Keyless("t", "a"));
  const auto after = core::Now();
  std::this_thread::sleep_for(milliseconds(5));
  Accept(Keyless("t", "b"));
  Claim();  // a claim is no report
  const auto backlog = ports().outbox.Backlog();
  ASSERT_TRUE(backlog);
  EXPECT_EQ(backlog->rows, 4);
  ASSERT_TRUE(backlog->oldest);
  EXPECT_GE(*backlog->oldest, before);
  EXPECT_LE(*backlog->oldest, after);
}

TEST_P(OutboxContract, ARecordIsCarriedAsItStands) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  FailForNow(accepted.id, 1, core::Now());
  Reopen();
  const auto rows = Due("document-uploads-retry-5s");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].document_id, accepted.id);
  EXPECT_EQ(rows[0].version, 1);
  ASSERT_TRUE(rows[0].record);
  const auto copy = MakeCopy("document-uploads-retry-5s");
  EXPECT_EQ(rows[0].record->position, (core::Position{"document-uploads-retry-5s", -1, -1}));
  EXPECT_EQ(rows[0].record->key, copy.key);
  EXPECT_EQ(rows[0].record->value, copy.value);
  EXPECT_EQ(rows[0].record->headers, copy.headers);
}

TEST_P(OutboxContract, NothingIsNotTheEmptyText) {
  auto nothing = MakeDeadLetter(0, 0, 1), empty = MakeDeadLetter(0, 0, 2), large = MakeDeadLetter(0, 0, 3);
  nothing.copy = empty.copy = large.copy = {};
  nothing.copy.position.topic = empty.copy.position.topic = large.copy.position.topic = core::kDeadLettersTopic;
  empty.copy.key = empty.copy.value = "";
  large.copy.value = std::string(3 << 20, '\0');
  ASSERT_TRUE(ports().effects.DeadLetter(std::array{nothing, empty, large}, Soon()));
  Reopen();
  const auto rows = Claim();  // of no document: none waits for another
  ASSERT_EQ(rows.size(), 3u);
  ASSERT_TRUE(rows[0].record && rows[1].record && rows[2].record);
  EXPECT_FALSE(rows[0].record->key || rows[0].record->value);
  EXPECT_TRUE(rows[0].record->headers.empty());
  EXPECT_EQ(rows[1].record->key, "");
  EXPECT_EQ(rows[1].record->value, "");
  EXPECT_TRUE(rows[2].record->value == large.copy.value);
}

TEST_P(OutboxContract, ACopyDoesNotMoveWhereTheRecordLies) {
  const auto accepted = Accept(Keyless("t", "c"));
  auto work = OwnWork(accepted.id, 1);
  work.position = {core::kUploadsTopic, 0, 10};
  Begin(work);
  FailForNow(accepted.id, 1, core::Now());
  Drain();
  EXPECT_EQ(Get(accepted.id).position, work.position);
  FailForGood(accepted.id, 1, 10);
  Drain();
  EXPECT_EQ(Get(accepted.id).position, work.position);
  const auto letter = DeadLetters().front();
  EXPECT_EQ(letter.position, (core::Position{core::kDeadLettersTopic, 0, 0}));
  Redrive(letter.id, MakeCopy(core::kUploadsTopic));
  Drain();
  EXPECT_EQ(Get(accepted.id).position, work.position);
}

TEST_P(OutboxContract, AnUnsentDeadLetterSurvivesTheEffectsOfANewerVersion) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  FailForGood(accepted.id, 1, 0);
  Accept(Keyed("k", "t", "two"));
  FailForNow(accepted.id, 2, core::Now());
  EXPECT_EQ(Due(core::kDeadLettersTopic).size(), 1u);
}

}  // namespace
}  // namespace millrace::contract
