#include <algorithm>
#include <array>
#include <thread>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using core::Applied;
using core::DocumentStatus;
using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::IsEmpty;
using Verdict = core::WorkOrder::Verdict;

std::vector<core::DeadLetterId> IdsOf(const std::vector<core::DeadLetter>& letters) {
  std::vector<core::DeadLetterId> ids;
  for (const auto& letter : letters) ids.push_back(letter.id);
  return ids;
}

core::Work RedrivenWork(core::DocumentId id, core::Version version, core::DeadLetterId letter) {
  core::Work work = OwnWork(id, version);
  work.dead_letter = letter;
  return work;
}

class AddLetters {
 public:
  explicit AddLetters(core::EffectStore& effects) : effects_(effects) {}
  void operator()(const core::DeadLetterDraft& draft) const {
    const auto status = effects_.DeadLetter({&draft, 1}, Soon());
    EXPECT_TRUE(status) << status.error().message;
  }

 private:
  core::EffectStore& effects_;
};

TEST_P(DeadLettersContract, AFailureForGoodIsListedAndOwesItsCopy) {
  const auto before = core::Now();
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  Stage(MakeEffects(accepted.id, 1, 2));
  EXPECT_EQ(FailForGood(accepted.id, 1, 41), Applied::kYes);
  Reopen();
  const auto record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kDeadLettered);
  EXPECT_EQ(record.error->code, "no_text");
  const auto letters = DeadLetters();
  ASSERT_EQ(letters.size(), 1u);
  const auto& letter = letters.front();
  EXPECT_GT(letter.id, 0);
  EXPECT_EQ(letter.original, (core::Position{core::kUploadsTopic, 0, 41}));
  EXPECT_EQ(letter.original_timestamp, MakeDeadLetter(1, 1, 41).original_timestamp);
  EXPECT_EQ(letter.document_id, accepted.id);
  EXPECT_EQ(letter.version, 1);
  EXPECT_EQ(letter.attempts, 3);
  EXPECT_EQ(letter.error.code, "no_text");
  EXPECT_EQ(letter.error.message, "It cannot be done.");
  EXPECT_EQ(letter.error.stage, "chunk");
  EXPECT_GE(letter.failed_at, before);
  EXPECT_LE(letter.failed_at, core::Now());
  EXPECT_EQ(letter.redrives, 0);
  EXPECT_FALSE(letter.redriven_at || letter.position);
  EXPECT_EQ(letter.value_bytes, 6);
  const auto owed = Due(core::kDeadLettersTopic);
  ASSERT_EQ(owed.size(), 1u);
  EXPECT_EQ(owed[0].document_id, accepted.id);
  EXPECT_EQ(owed[0].version, 1);
  EXPECT_TRUE(DueUploads().empty());
  const auto events = TakeEvents();
  EXPECT_EQ(events.back().status, DocumentStatus::kDeadLettered);
  EXPECT_EQ(events.back().error->code, "no_text");
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).staged_chunks, 0);
}

TEST_P(DeadLettersContract, ThePayloadIsWhatTheProducerWrote) {
  AddLetters{ports().effects}(MakeDeadLetter(0, 0, 1));
  auto bare = MakeDeadLetter(0, 0, 2);
  bare.copy.key.reset();
  bare.copy.value.reset();
  bare.copy.headers = {{"millrace-version", "7"}};
  AddLetters{ports().effects}(bare);
  auto empty = MakeDeadLetter(0, 0, 3);
  empty.copy.key = empty.copy.value = "";
  empty.copy.headers.clear();
  AddLetters{ports().effects}(empty);
  auto large = MakeDeadLetter(0, 0, 4);
  large.copy.value = std::string(3 << 20, '\'');
  AddLetters{ports().effects}(large);
  Reopen();
  const auto letters = DeadLetters();
  ASSERT_EQ(letters.size(), 4u);
  const auto copy = MakeCopy(core::kDeadLettersTopic);
  const auto first = ports().dead_letters.Payload(letters[3].id);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->key, copy.key);
  EXPECT_EQ(first->value, copy.value);
  EXPECT_THAT(first->headers, ElementsAre(copy.headers[0], copy.headers[2]));
  const auto second = ports().dead_letters.Payload(letters[2].id);
  EXPECT_FALSE(second->key || second->value);
  EXPECT_THAT(second->headers, IsEmpty());
  EXPECT_EQ(letters[2].value_bytes, 0);
  const auto third = ports().dead_letters.Payload(letters[1].id);
  EXPECT_EQ(third->key, "");
  EXPECT_EQ(third->value, "");
  EXPECT_TRUE(ports().dead_letters.Payload(letters[0].id)->value == large.copy.value);
  EXPECT_EQ(letters[0].value_bytes, 3 << 20);
  EXPECT_EQ(ports().dead_letters.Payload(letters[0].id + 1).error().code, Code::kNotFound);
}

TEST_P(DeadLettersContract, ARecordReadTwiceAddsNothing) {
  const AddLetters add{ports().effects};
  add(MakeDeadLetter(0, 0, 5, "first"));
  add(MakeDeadLetter(0, 0, 5, "second"));
  auto again = MakeDeadLetter(0, 0, 99, "third");
  again.id = DeadLetters().front().id;
  add(again);
  ASSERT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(DeadLetters().front().error.code, "first");
  EXPECT_EQ(Due(core::kDeadLettersTopic).size(), 1u);
}

TEST_P(DeadLettersContract, AFailureOfARecordReadTwiceIsBroughtUpToDate) {
  const auto accepted = Accept(Keyless("t", "c"));
  FailForGood(accepted.id, 1, 5);
  Drain();
  Begin(OwnWork(accepted.id, 1));
  core::Failure failure{accepted.id, 1, {"poison", "m", "run"}, {}, MakeDeadLetter(accepted.id, 1, 5, "poison")};
  failure.dead_letter->attempts = 7;
  ASSERT_TRUE(ports().effects.Fail({&failure, 1}, Soon()));
  ASSERT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(DeadLetters().front().error.code, "poison");
  EXPECT_EQ(DeadLetters().front().attempts, 7);
  EXPECT_EQ(Get(accepted.id).error->code, "poison");
  EXPECT_TRUE(Due(core::kDeadLettersTopic).empty());
}

TEST_P(DeadLettersContract, AVersionThatTheRelaySentTwiceIsListedOnce) {
  const auto accepted = Accept(Keyless("t", "c")), other = Accept(Keyless("t", "other"));
  for (const std::int64_t offset : {5, 9}) {
    Begin(OwnWork(accepted.id, 1));
    EXPECT_EQ(FailForGood(accepted.id, 1, offset), Applied::kYes);
  }
  EXPECT_EQ(FailForGood(other.id, 1, 10), Applied::kYes);
  core::DeadLetterQuery query;
  query.document_id = accepted.id;
  const auto letters = DeadLetters(query);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters.front().original.offset, 5);
  EXPECT_EQ(DeadLetters().size(), 2u);
  EXPECT_EQ(Due(core::kDeadLettersTopic).size(), 2u);
}

TEST_P(DeadLettersContract, TheSamePositionOfATopicMadeAnewIsAnotherRecord) {
  const AddLetters add{ports().effects};
  add(MakeDeadLetter(0, 0, 5));
  auto anew = MakeDeadLetter(0, 0, 5);
  anew.original_timestamp += milliseconds(1);
  add(anew);
  EXPECT_EQ(DeadLetters().size(), 2u);
  EXPECT_EQ(Due(core::kDeadLettersTopic).size(), 2u);  // of no document: neither waits for the other
}

TEST_P(DeadLettersContract, AFencedFailureListsNothing) {
  const auto indexed = AcceptIndexed(Keyed("k", "t", "one"));
  EXPECT_EQ(FailForGood(indexed.id, 1, 0), Applied::kFenced);
  Accept(Keyed("k", "t", "two"));
  Accept(Keyed("k", "t", "three"));
  EXPECT_EQ(FailForGood(indexed.id, 2, 1), Applied::kFenced);
  EXPECT_EQ(FailForNow(indexed.id, 2, core::Now()), Applied::kFenced);
  EXPECT_THAT(DeadLetters(), IsEmpty());
  EXPECT_TRUE(Due(core::kDeadLettersTopic).empty());
  EXPECT_TRUE(Due("document-uploads-retry-5s").empty());
}

TEST_P(DeadLettersContract, ListIsFilteredAndPaged) {
  const AddLetters add{ports().effects};
  add(MakeDeadLetter(11, 0, 1, "a"));
  add(MakeDeadLetter(12, 0, 2, "b"));
  std::this_thread::sleep_for(milliseconds(3));
  const auto middle = core::Now();
  auto other_stage = MakeDeadLetter(11, 0, 3, "a");
  other_stage.error.stage = "embed";
  add(other_stage);
  add(MakeDeadLetter(0, 0, 4, "a"));
  const auto all = DeadLetters();
  ASSERT_EQ(all.size(), 4u);
  const auto ids = IdsOf(all);
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
  const core::DeadLetterId one = ids[3], two = ids[2], three = ids[1], four = ids[0];
  Redrive(two, MakeCopy(core::kUploadsTopic));
  const auto expect = [&](const core::DeadLetterQuery& query, const std::vector<core::DeadLetterId>& expected) {
    EXPECT_EQ(IdsOf(DeadLetters(query)), expected);
    const auto count = ports().dead_letters.Count(query);
    ASSERT_TRUE(count);
    EXPECT_EQ(*count, static_cast<std::int64_t>(expected.size()));
  };
  core::DeadLetterQuery query;
  query.code = "a";
  expect(query, {four, three, one});
  query.stage = "chunk";
  expect(query, {four, one});
  query.document_id = 11;
  expect(query, {one});
  query.code = "b";
  expect(query, {});
  query = {};
  query.document_id = 0;
  expect(query, {four});
  query = {};
  query.since = middle;
  expect(query, {four, three});
  query = {};
  query.until = middle;
  expect(query, {two, one});
  query = {};
  query.redriven = true;
  expect(query, {two});
  query.redriven = false;
  expect(query, {four, three, one});
  query = {};
  query.ids = {two, four, 12345};
  expect(query, {four, two});
  query = {};
  query.before = four;
  query.limit = 2;
  EXPECT_EQ(IdsOf(DeadLetters(query)), (std::vector{three, two}));
  EXPECT_EQ(*ports().dead_letters.Count(query), 4);
  query.code = "'; DROP TABLE dead_letters; --";
  EXPECT_THAT(DeadLetters(query), IsEmpty());
}

TEST_P(DeadLettersContract, ReasonsAreCounted) {
  const AddLetters add{ports().effects};
  EXPECT_THAT(*ports().dead_letters.Reasons(), IsEmpty());
  add(MakeDeadLetter(0, 0, 1, "rare"));
  for (const int offset : {2, 3, 4}) add(MakeDeadLetter(0, 0, offset, "often"));
  const auto reasons = ports().dead_letters.Reasons();
  ASSERT_TRUE(reasons);
  ASSERT_EQ(reasons->size(), 2u);
  EXPECT_EQ((*reasons)[0].code, "often");
  EXPECT_EQ((*reasons)[0].stage, "chunk");
  EXPECT_EQ((*reasons)[0].count, 3);
  EXPECT_EQ((*reasons)[0].newest, DeadLetters().front().failed_at);
  EXPECT_EQ((*reasons)[1].code, "rare");
}

TEST_P(DeadLettersContract, RedriveSendsTheRecordAndQueuesTheDocument) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  FailForGood(accepted.id, 1, 5);
  Drain();
  const auto letter = DeadLetters().front();
  EXPECT_TRUE(letter.position.has_value());
  auto record = MakeCopy(core::kUploadsTopic);
  Redrive(letter.id, record);
  Reopen();
  const auto document = Get(accepted.id);
  EXPECT_EQ(document.status, DocumentStatus::kQueued);
  EXPECT_FALSE(document.error.has_value());
  EXPECT_EQ(document.attempts, 0);
  const auto owed = DueUploads();
  ASSERT_EQ(owed.size(), 1u);
  EXPECT_EQ(owed[0].document_id, accepted.id);
  ASSERT_TRUE(owed[0].record);
  EXPECT_EQ(owed[0].record->key, record.key);
  EXPECT_EQ(owed[0].record->value, record.value);
  EXPECT_EQ(owed[0].record->headers, record.headers);
  const auto events = TakeEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].status, DocumentStatus::kQueued);
  EXPECT_EQ(DeadLetters().front().redrives, 1);
  EXPECT_TRUE(DeadLetters().front().redriven_at.has_value());
  const auto again = ports().dead_letters.Redrive(letter.id, record, Soon());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_EQ(DueUploads().size(), 1u);
  EXPECT_EQ(ports().dead_letters.Redrive(letter.id + 1, record, Soon()).error().code, Code::kNotFound);
}

TEST_P(DeadLettersContract, ARedrivenDocumentThatIsIndexedLeavesTheList) {
  const auto accepted = Accept(Keyless("t", "c"));
  FailForGood(accepted.id, 1, 5);
  const auto letter = DeadLetters().front().id;
  Redrive(letter, MakeCopy(core::kUploadsTopic));
  Drain();
  EXPECT_FALSE(Get(accepted.id).position.has_value());  // a copy is no news of where the record lies
  EXPECT_EQ(Begin(RedrivenWork(accepted.id, 1, letter)).verdict, Verdict::kProcess);
  EXPECT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 1)), Applied::kYes);
  EXPECT_THAT(DeadLetters(), IsEmpty());
}

TEST_P(DeadLettersContract, ARedrivenDocumentThatFailsAgainRestsAgain) {
  const auto accepted = Accept(Keyless("t", "c"));
  FailForGood(accepted.id, 1, 5);
  const auto letter = DeadLetters().front();
  Redrive(letter.id, MakeCopy(core::kUploadsTopic));
  Drain();
  Begin(RedrivenWork(accepted.id, 1, letter.id));
  core::Failure failure{accepted.id, 1, {"worse", "m", "embed"}, {}, MakeDeadLetter(accepted.id, 1, 99, "worse")};
  failure.dead_letter->id = letter.id;
  failure.dead_letter->copy.value = "edited";
  ASSERT_TRUE(ports().effects.Fail({&failure, 1}, Soon()));
  Reopen();
  ASSERT_EQ(DeadLetters().size(), 1u);
  const auto now = DeadLetters().front();
  EXPECT_EQ(now.id, letter.id);
  EXPECT_EQ(now.original, letter.original);
  EXPECT_EQ(now.error.code, "worse");
  EXPECT_EQ(now.redrives, 1);
  EXPECT_FALSE(now.redriven_at.has_value());
  EXPECT_EQ(ports().dead_letters.Payload(letter.id)->value, "edited");
  const auto owed = Due(core::kDeadLettersTopic);  // a new copy, at a new position
  ASSERT_EQ(owed.size(), 1u);
  MarkSent(owed[0], {core::kDeadLettersTopic, 1, 77});
  EXPECT_EQ(DeadLetters().front().position, (core::Position{core::kDeadLettersTopic, 1, 77}));
  Redrive(letter.id, MakeCopy(core::kUploadsTopic));
  EXPECT_EQ(DeadLetters().front().redrives, 2);
}

TEST_P(DeadLettersContract, ARecordThatBecomesAVersionWhenRedrivenIsNoted) {
  AddLetters{ports().effects}(MakeDeadLetter(7, 0, 5));
  const auto letter = DeadLetters().front().id;
  Redrive(letter, MakeCopy(core::kUploadsTopic));
  auto work = ForeignWork(7, 50, core::Now(), "edited");
  work.dead_letter = letter;
  EXPECT_EQ(Begin(work).version, 1);
  EXPECT_EQ(DeadLetters().front().document_id, 7);
  EXPECT_EQ(DeadLetters().front().version, 1);
  Publish(MakeEffects(7, 1, 1));
  EXPECT_THAT(DeadLetters(), IsEmpty());
}

TEST_P(DeadLettersContract, ARedrivenRecordWithNothingLeftToDoLeavesTheList) {
  const auto indexed = AcceptIndexed(Keyed("a", "t", "c"));
  const auto superseded = Accept(Keyed("b", "t", "one"));
  Accept(Keyed("b", "t", "two"));
  const auto deleted = Accept(Keyless("t", "d"));
  Delete(deleted.id);
  std::int64_t offset = 0;
  for (const auto& [id, verdict] :
       {std::pair{indexed.id, Verdict::kAlreadyIndexed}, std::pair{superseded.id, Verdict::kSuperseded},
        std::pair{deleted.id, Verdict::kDeleted}}) {
    AddLetters{ports().effects}(MakeDeadLetter(0, 0, offset++));
    const auto letter = DeadLetters().front().id;
    Redrive(letter, MakeCopy(core::kUploadsTopic));
    EXPECT_EQ(Begin(RedrivenWork(id, 1, letter)).verdict, verdict);
    EXPECT_THAT(DeadLetters(), IsEmpty());
  }
}

TEST_P(DeadLettersContract, RedriveOfWhatIsNoLongerTheNewestIsRefused) {
  const auto refused = [&](core::DeadLetterId letter) {
    const auto backlog = BacklogRows();
    const auto status = ports().dead_letters.Redrive(letter, MakeCopy(core::kUploadsTopic), Soon());
    EXPECT_EQ(status ? Code::kInternal : status.error().code, Code::kConflict);
    EXPECT_EQ(BacklogRows(), backlog);
    EXPECT_EQ(ports().dead_letters.Purge(std::array{letter}, Soon()).value(), 1);
  };
  const auto accepted = Accept(Keyed("k", "t", "one"));
  FailForGood(accepted.id, 1, 1);
  Accept(Keyed("k", "t", "two"));
  refused(DeadLetters().front().id);
  const AddLetters add{ports().effects};
  Publish(MakeEffects(accepted.id, 2, 1));
  add(MakeDeadLetter(accepted.id, 2, 2));
  refused(DeadLetters().front().id);
  Delete(accepted.id);
  add(MakeDeadLetter(accepted.id, 2, 3));
  refused(DeadLetters().front().id);
  add(MakeDeadLetter(accepted.id, 0, 4));
  refused(DeadLetters().front().id);
}

TEST_P(DeadLettersContract, ThoseOfOlderVersionsGoWithANewerOne) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  FailForGood(accepted.id, 1, 1);
  Accept(Keyed("k", "t", "two"));
  FailForGood(accepted.id, 2, 2);
  AddLetters{ports().effects}(MakeDeadLetter(accepted.id, 0, 3));  // became no version: not settled by another
  Accept(Keyed("k", "t", "three"));
  EXPECT_EQ(DeadLetters().size(), 3u);
  Publish(MakeEffects(accepted.id, 3, 1));
  ASSERT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(DeadLetters().front().version, 0);
}

TEST_P(DeadLettersContract, ADeleteRemovesThoseOfTheDocumentAndItsUnsentCopies) {
  const auto accepted = Accept(Keyless("t", "c")), other = Accept(Keyless("t", "d"));
  FailForGood(accepted.id, 1, 1);
  FailForGood(other.id, 1, 2);
  AddLetters{ports().effects}(MakeDeadLetter(accepted.id, 0, 3));
  Delete(accepted.id);
  ASSERT_EQ(DeadLetters().size(), 1u);
  EXPECT_EQ(DeadLetters().front().document_id, other.id);
  ASSERT_EQ(Due(core::kDeadLettersTopic).size(), 1u);
  EXPECT_EQ(Due(core::kDeadLettersTopic).front().document_id, other.id);
}

TEST_P(DeadLettersContract, PurgeTakesThemOffTheListOnly) {
  const auto accepted = Accept(Keyless("t", "c"));
  FailForGood(accepted.id, 1, 1);
  AddLetters{ports().effects}(MakeDeadLetter(0, 0, 2));
  const auto ids = IdsOf(DeadLetters());
  const std::array purged = {ids[1], ids[1] + 1000};
  EXPECT_EQ(ports().dead_letters.Purge(purged, Soon()).value(), 1);
  Reopen();
  EXPECT_EQ(IdsOf(DeadLetters()), std::vector{ids[0]});
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kDeadLettered);
  EXPECT_EQ(Due(core::kDeadLettersTopic).size(), 2u);
  Drain();  // the report on a copy whose dead letter has gone is harmless
  FailForGood(accepted.id, 1, 1);
  EXPECT_GT(DeadLetters().front().id, ids[0]);  // never reused
}

}  // namespace
}  // namespace millrace::contract
