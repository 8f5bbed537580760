#include <algorithm>
#include <array>
#include <set>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using base::Code;
using core::Applied;
using core::DocumentStatus;
using core::Effects;
using std::chrono::hours;
using std::chrono::seconds;
using Verdict = core::WorkOrder::Verdict;

constexpr int kRows = static_cast<int>(Effects::kMaxRows);

TEST_P(EffectStoreContract, BeginHandsOutTheWorkAndCountsTheAttempt) {
  auto document = Keyed("k", "title", "content");
  document.chunking = {core::ChunkStrategy::kSentence, 64, 0};
  const auto accepted = Accept(document);
  const auto order = Begin(OwnWork(accepted.id, 1));
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.version, 1);
  EXPECT_EQ(order.title, "title");
  EXPECT_EQ(order.chunking, document.chunking);
  EXPECT_EQ(order.content_bytes, 7);
  EXPECT_EQ(order.staged_chunks, 0);
  EXPECT_EQ(order.attempts, 1);
  Reopen();
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kProcessing);
  EXPECT_EQ(Get(accepted.id).attempts, 1);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).attempts, 2);  // delivered again
}

TEST_P(EffectStoreContract, AttemptsAreOfAVersion) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  Begin(OwnWork(accepted.id, 1));
  Accept(Keyed("k", "t", "two"));
  EXPECT_EQ(Get(accepted.id).attempts, 0);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2)).attempts, 1);
}

TEST_P(EffectStoreContract, BeginFencesByVersion) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, Verdict::kAlreadyIndexed);
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kIndexed);
  EXPECT_EQ(Get(accepted.id).attempts, 1);
  Accept(Keyed("k", "t", "two"));
  Accept(Keyed("k", "t", "three"));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, Verdict::kAlreadyIndexed);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2)).verdict, Verdict::kSuperseded);
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kQueued);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 3)).verdict, Verdict::kProcess);
  Publish(MakeEffects(accepted.id, 3, 1));
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, Verdict::kSuperseded);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2)).verdict, Verdict::kSuperseded);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 3)).verdict, Verdict::kAlreadyIndexed);
  Delete(accepted.id);
  for (const core::Version version : {1, 2, 3}) {
    EXPECT_EQ(Begin(OwnWork(accepted.id, version)).verdict, Verdict::kDeleted);
  }
  EXPECT_EQ(ports().documents.Get(accepted.id).error().code, Code::kNotFound);
}

TEST_P(EffectStoreContract, BeginRefusesAVersionThatWasNeverAccepted) {
  const auto accepted = Accept(Keyless("t", "c"));
  for (const auto& work : {OwnWork(accepted.id, 2), OwnWork(accepted.id + 1, 1)}) {
    const auto order = Begin(work);
    EXPECT_EQ(order.verdict, Verdict::kRefused);
    EXPECT_FALSE(order.reason.empty());
  }
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kQueued);
}

TEST_P(EffectStoreContract, BeginAnswersABatchInTheOrderAsked) {
  const auto a = Accept(Keyless("a", "c")), b = Accept(Keyed("k", "b", "c")), c = AcceptIndexed(Keyless("c", "c"));
  Accept(Keyed("k", "b2", "c"));
  const std::array batch = {OwnWork(c.id, 1), OwnWork(b.id, 2), OwnWork(a.id, 1), OwnWork(b.id, 1)};
  const auto orders = ports().effects.Begin(batch, kWorker, Soon());
  ASSERT_TRUE(orders);
  ASSERT_EQ(orders->size(), 4u);
  EXPECT_EQ((*orders)[0].verdict, Verdict::kAlreadyIndexed);
  EXPECT_EQ((*orders)[1].verdict, Verdict::kProcess);
  EXPECT_EQ((*orders)[1].title, "b2");
  EXPECT_EQ((*orders)[2].verdict, Verdict::kProcess);
  EXPECT_EQ((*orders)[2].title, "a");
  EXPECT_EQ((*orders)[3].verdict, Verdict::kSuperseded);
}

TEST_P(EffectStoreContract, BeginKeepsWhereTheMessageLay) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  auto work = OwnWork(accepted.id, 1);
  work.position = {core::kUploadsTopic, 2, 41};
  Begin(work);
  Reopen();
  EXPECT_EQ(Get(accepted.id).position, work.position);
  Accept(Keyed("k", "t", "two"));
  EXPECT_FALSE(Get(accepted.id).position.has_value());  // of the newest version, which is not delivered yet
}

TEST_P(EffectStoreContract, PublishMakesTheVersionTheIndexedOne) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  EXPECT_TRUE(ListChunks(accepted.id).empty());
  auto effects = MakeEffects(accepted.id, 1, 3);
  effects.warning = "cut at the model's limit";
  EXPECT_EQ(Publish(effects), Applied::kYes);
  Reopen();
  const auto record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kIndexed);
  EXPECT_EQ(record.version, 1);
  EXPECT_EQ(record.indexed_version, 1);
  EXPECT_EQ(record.chunk_count, 3);
  EXPECT_EQ(record.warning, effects.warning);
  EXPECT_EQ(record.steps.chunked, effects.chunked_at);
  EXPECT_EQ(record.steps.embedded, effects.embedded_at);
  EXPECT_TRUE(record.steps.received && record.steps.stored);
  const auto chunks = ListChunks(accepted.id);
  ASSERT_EQ(chunks.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chunks[static_cast<std::size_t>(i)].chunk.index, i);
}

TEST_P(EffectStoreContract, PublishTwiceIsFencedAndChangesNothing) {
  const auto accepted = AcceptIndexed(Keyless("t", "c"), 3);
  const auto ids = ChunkIds(accepted.id);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 2)), Applied::kFenced);
  EXPECT_EQ(ChunkIds(accepted.id), ids);
  EXPECT_EQ(Get(accepted.id).chunk_count, 3);
}

TEST_P(EffectStoreContract, PublishIsFencedByADelete) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  Stage(MakeEffects(accepted.id, 1, 2));
  Delete(accepted.id);
  EXPECT_EQ(Stage(MakeEffects(accepted.id, 1, 2, 2)), Applied::kFenced);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 2, 2)), Applied::kFenced);
  EXPECT_EQ(Fail(accepted.id, 1), Applied::kFenced);
  EXPECT_EQ(ports().documents.Get(accepted.id).error().code, Code::kNotFound);
  EXPECT_TRUE(ListChunks(accepted.id).empty());
  EXPECT_FALSE(Load(accepted.id).present);
}

TEST_P(EffectStoreContract, EffectsOfWhatWasNeverAcceptedAreFenced) {
  const auto accepted = Accept(Keyless("t", "c"));
  for (const auto& effects : {MakeEffects(accepted.id, 2, 1), MakeEffects(accepted.id + 1, 1, 1)}) {
    EXPECT_EQ(Publish(effects), Applied::kFenced);
    EXPECT_EQ(Stage(effects), Applied::kFenced);
    EXPECT_EQ(Fail(effects.id, effects.version), Applied::kFenced);
  }
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kQueued);
}

TEST_P(EffectStoreContract, PublishIsFencedByANewerPublish) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  Begin(OwnWork(accepted.id, 1));
  AcceptIndexed(Keyed("k", "t", "two"), 4);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 1)), Applied::kFenced);
  EXPECT_EQ(Get(accepted.id).indexed_version, 2);
  EXPECT_EQ(ListChunks(accepted.id).size(), 4u);
}

TEST_P(EffectStoreContract, AnOlderVersionMayBePublishedWhileTheNewerOneWaits) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  Begin(OwnWork(accepted.id, 1));
  Accept(Keyed("k", "t", "two"));
  auto effects = MakeEffects(accepted.id, 1, 2);
  effects.warning = "of version 1";
  EXPECT_EQ(Publish(effects), Applied::kYes);
  auto record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kQueued);  // the newest version's
  EXPECT_EQ(record.version, 2);
  EXPECT_EQ(record.indexed_version, 1);
  EXPECT_EQ(record.chunk_count, 2);
  EXPECT_FALSE(record.warning || record.steps.stored);
  EXPECT_EQ(DueUploads().size(), 1u);
  EXPECT_EQ(DueUploads().front().version, 2);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2)).verdict, Verdict::kProcess);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 2, 1)), Applied::kYes);
  EXPECT_EQ(Get(accepted.id).indexed_version, 2);
}

TEST_P(EffectStoreContract, PublishOfABatchAnswersInOrderAndFencesEachForItself) {
  const auto a = Accept(Keyless("t", "a")), b = Accept(Keyless("t", "b")), c = Accept(Keyless("t", "c"));
  Delete(b.id);
  const std::array batch = {MakeEffects(c.id, 1, 1), MakeEffects(b.id, 1, 1), MakeEffects(a.id, 1, 2)};
  const auto applied = ports().effects.Publish(batch, Soon());
  ASSERT_TRUE(applied);
  EXPECT_EQ(*applied, (std::vector{Applied::kYes, Applied::kFenced, Applied::kYes}));
  EXPECT_EQ(ListChunks(a.id).size(), 2u);
  EXPECT_EQ(ListChunks(c.id).size(), 1u);
}

TEST_P(EffectStoreContract, AFailedCallChangesNothing) {
  const auto good = Accept(Keyless("t", "a")), bad = Accept(Keyless("t", "b"));
  auto short_of_floats = MakeEffects(bad.id, 1, 2);
  short_of_floats.vectors.pop_back();
  auto without_vectors = MakeEffects(bad.id, 1, 2);
  without_vectors.vectors.clear();
  for (const auto& broken : {short_of_floats, without_vectors, MakeEffects(bad.id, 1, kRows + 1),
                             MakeEffects(bad.id, 1, 2, 1)}) {  // starts at 1, with nothing staged before it
    const std::array batch = {MakeEffects(good.id, 1, 1), broken};
    const auto applied = ports().effects.Publish(batch, Soon());
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::kInvalidArgument);
    const auto staged = ports().effects.Stage(broken, Soon());
    ASSERT_FALSE(staged);
    EXPECT_EQ(staged.error().code, Code::kInvalidArgument);
  }
  Reopen();
  for (const auto id : {good.id, bad.id}) {
    EXPECT_EQ(Get(id).status, DocumentStatus::kQueued);
    EXPECT_TRUE(ListChunks(id).empty());
    EXPECT_EQ(Begin(OwnWork(id, 1)).staged_chunks, 0);
  }
}

TEST_P(EffectStoreContract, TheDimensionIsThatOfTheFirstVectors) {
  const auto a = Accept(Keyless("t", "a")), b = Accept(Keyless("t", "b"));
  EXPECT_EQ(Publish(MakeEffects(a.id, 1, 2, 0, 5)), Applied::kYes);
  Reopen();
  EXPECT_EQ(Load(a.id).vectors, MakeEffects(a.id, 1, 2, 0, 5).vectors);
  const auto other = MakeEffects(b.id, 1, 2, 0, 4);
  const auto published = ports().effects.Publish({&other, 1}, Soon());
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, Code::kInvalidArgument);
  EXPECT_EQ(Publish(MakeEffects(b.id, 1, 1, 0, 5)), Applied::kYes);
}

TEST_P(EffectStoreContract, AVersionWithoutChunksIsIndexedWithNone) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"));
  Accept(Keyed("k", "t", "two"));
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 2, 0)), Applied::kYes);
  EXPECT_EQ(Get(accepted.id).chunk_count, 0);
  EXPECT_TRUE(ListChunks(accepted.id).empty());
}

TEST_P(EffectStoreContract, StagedChunksAreInvisibleUntilThePublishAddsTheRest) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  EXPECT_EQ(Stage(MakeEffects(accepted.id, 1, kRows)), Applied::kYes);
  EXPECT_EQ(Stage(MakeEffects(accepted.id, 1, 10, kRows)), Applied::kYes);
  Reopen();
  EXPECT_TRUE(ListChunks(accepted.id).empty());
  EXPECT_FALSE(Load(accepted.id).present);
  EXPECT_EQ(Get(accepted.id).chunk_count, 0);
  EXPECT_EQ(ports().documents.Counts()->chunks, 0);
  EXPECT_TRUE(ports().feed.Scan(0, 1000)->empty());
  EXPECT_TRUE(ports().feed.ListVersions(0, 1000)->empty());
  std::vector<core::ChunkId> guesses;
  for (core::ChunkId id = 1; id <= 2 * kRows; ++id) guesses.push_back(id);
  EXPECT_EQ(CountHydrated(guesses), 0u);

  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).staged_chunks, kRows + 10);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 20, kRows + 10)), Applied::kYes);
  const auto chunks = ListChunks(accepted.id);
  ASSERT_EQ(chunks.size(), static_cast<std::size_t>(kRows + 30));
  for (int i = 0; i < kRows + 30; ++i) {
    const auto& chunk = chunks[static_cast<std::size_t>(i)].chunk;
    ASSERT_EQ(chunk.index, i);
    ASSERT_EQ(chunk.text, "v1 chunk " + std::to_string(i));
  }
  EXPECT_EQ(Get(accepted.id).chunk_count, kRows + 30);
  const auto entry = Load(accepted.id);
  EXPECT_EQ(entry.chunk_ids, ChunkIds(accepted.id));
  EXPECT_EQ(entry.vectors, MakeEffects(accepted.id, 1, kRows + 30).vectors);
}

TEST_P(EffectStoreContract, StagingAnIndexAgainIsHarmless) {
  const auto accepted = Accept(Keyless("t", "c"));
  Stage(MakeEffects(accepted.id, 1, 10));
  EXPECT_EQ(Stage(MakeEffects(accepted.id, 1, 10)), Applied::kYes);
  EXPECT_EQ(Stage(MakeEffects(accepted.id, 1, 10, 5)), Applied::kYes);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).staged_chunks, 15);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 5, 12)), Applied::kYes);
  EXPECT_EQ(ListChunks(accepted.id).size(), 17u);
  EXPECT_EQ(Load(accepted.id).vectors, MakeEffects(accepted.id, 1, 17).vectors);
}

TEST_P(EffectStoreContract, AllChunksMayBeStagedAndThePublishEmpty) {
  const auto accepted = Accept(Keyless("t", "c"));
  Stage(MakeEffects(accepted.id, 1, 7));
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 0)), Applied::kYes);
  EXPECT_EQ(ListChunks(accepted.id).size(), 7u);
}

TEST_P(EffectStoreContract, StagedChunksLeaveTheIndexedVersionAlone) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"), 2);
  Accept(Keyed("k", "t", "two"));
  Stage(MakeEffects(accepted.id, 2, 5));
  EXPECT_EQ(ListChunks(accepted.id).size(), 2u);
  EXPECT_EQ(Load(accepted.id).version, 1);
  EXPECT_EQ(Load(accepted.id).chunk_ids.size(), 2u);
  EXPECT_EQ(Stage(MakeEffects(accepted.id, 1, 5)), Applied::kFenced);
}

TEST_P(EffectStoreContract, OvertakenChunksStayReadableForAMinute) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"), 3);
  const auto old_ids = ChunkIds(accepted.id);
  const auto before = core::Now();
  AcceptIndexed(Keyed("k", "t", "two"), 2);
  const auto after = core::Now();
  const auto new_ids = ChunkIds(accepted.id);
  EXPECT_EQ(new_ids.size(), 2u);
  EXPECT_TRUE(ports().admin.RemoveExpired(before + seconds(59)));
  Reopen();
  EXPECT_EQ(CountHydrated(old_ids), 3u);
  EXPECT_EQ(ports().chunks.Hydrate(old_ids)->front().version, 1);
  const auto removed = ports().admin.RemoveExpired(after + seconds(61));
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, 3);
  EXPECT_EQ(CountHydrated(old_ids), 0u);
  EXPECT_EQ(CountHydrated(new_ids), 2u);
  EXPECT_EQ(*ports().admin.RemoveExpired(after + seconds(62)), 0);
}

TEST_P(EffectStoreContract, BodiesGoADayAfterANewerVersionIsIndexed) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"));
  Accept(Keyed("k", "t", "two"));
  Accept(Keyed("k", "t", "three"));
  ASSERT_TRUE(ports().admin.RemoveExpired(core::Now() + hours(48)));
  EXPECT_TRUE(HasBody(accepted.id, 1) && HasBody(accepted.id, 2) && HasBody(accepted.id, 3));  // none newer indexed
  const auto before = core::Now();
  Publish(MakeEffects(accepted.id, 3, 1));
  const auto after = core::Now();
  ASSERT_TRUE(ports().admin.RemoveExpired(before + hours(24) - seconds(1)));
  EXPECT_TRUE(HasBody(accepted.id, 1) && HasBody(accepted.id, 2) && HasBody(accepted.id, 3));
  const auto removed = ports().admin.RemoveExpired(after + hours(24) + seconds(1));
  ASSERT_TRUE(removed);
  EXPECT_GE(*removed, 2);
  EXPECT_FALSE(HasBody(accepted.id, 1) || HasBody(accepted.id, 2));
  EXPECT_TRUE(HasBody(accepted.id, 3));
  ASSERT_TRUE(ports().admin.RemoveExpired(after + hours(2400)));
  EXPECT_TRUE(HasBody(accepted.id, 3));                                     // the newest stays
  EXPECT_EQ(Begin(OwnWork(accepted.id, 2)).verdict, Verdict::kSuperseded);  // a missing body is a skip
}

TEST_P(EffectStoreContract, ChunkIdsAreNeverReused) {
  std::set<core::ChunkId> seen;
  core::ChunkId highest = 0;
  const auto check = [&](core::DocumentId id) {
    for (const auto chunk : ChunkIds(id)) {
      EXPECT_TRUE(seen.insert(chunk).second) << chunk;
      EXPECT_GT(chunk, 0);
      highest = std::max(highest, chunk);
    }
  };
  const auto first = AcceptIndexed(Keyed("k", "t", "one"), 3);
  check(first.id);
  AcceptIndexed(Keyed("k", "t", "two"), 3);
  check(first.id);
  ASSERT_TRUE(ports().admin.RemoveExpired(core::Now() + hours(1)));
  Delete(first.id);
  Reopen();
  const auto lowest_new = highest + 1;
  const auto second = AcceptIndexed(Keyless("t", "c"), 3);
  check(second.id);
  EXPECT_GE(ChunkIds(second.id).front(), lowest_new);
}

TEST_P(EffectStoreContract, DocumentIdsAreNeverReused) {
  const auto first = Accept(Keyless("t", "c"));
  Delete(first.id);
  Reopen();
  EXPECT_GT(Accept(Keyless("t", "c")).id, first.id);
}

TEST_P(EffectStoreContract, FailShowsTheReasonAndDropsWhatWasStaged) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  Stage(MakeEffects(accepted.id, 1, 3));
  EXPECT_EQ(Fail(accepted.id, 1), Applied::kYes);
  Reopen();
  const auto record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kFailed);
  ASSERT_TRUE(record.error);
  EXPECT_EQ(record.error->code, "no_text");
  EXPECT_EQ(record.error->message, "The document has no text.");
  EXPECT_EQ(record.error->stage, "chunk");
  const auto order = Begin(OwnWork(accepted.id, 1));  // its message once more
  EXPECT_EQ(order.verdict, Verdict::kProcess);
  EXPECT_EQ(order.staged_chunks, 0);
  EXPECT_EQ(order.attempts, 2);
  EXPECT_EQ(Publish(MakeEffects(accepted.id, 1, 1)), Applied::kYes);
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kIndexed);
  EXPECT_FALSE(Get(accepted.id).error.has_value());
}

TEST_P(EffectStoreContract, FailIsFencedByWhatIsIndexedOrOvertaken) {
  const auto indexed = AcceptIndexed(Keyless("t", "c"));
  EXPECT_EQ(Fail(indexed.id, 1), Applied::kFenced);
  EXPECT_EQ(Get(indexed.id).status, DocumentStatus::kIndexed);
  const auto overtaken = Accept(Keyed("k", "t", "one"));
  Begin(OwnWork(overtaken.id, 1));
  Accept(Keyed("k", "t", "two"));
  EXPECT_EQ(Fail(overtaken.id, 1), Applied::kFenced);
  EXPECT_EQ(Get(overtaken.id).status, DocumentStatus::kQueued);
  EXPECT_FALSE(Get(overtaken.id).error.has_value());
}

TEST_P(EffectStoreContract, AFailedVersionLeavesTheOneBeforeSearchable) {
  const auto accepted = AcceptIndexed(Keyed("k", "t", "one"), 2);
  Accept(Keyed("k", "t", "two"));
  Begin(OwnWork(accepted.id, 2));
  EXPECT_EQ(Fail(accepted.id, 2), Applied::kYes);
  const auto record = Get(accepted.id);
  EXPECT_EQ(record.status, DocumentStatus::kFailed);
  EXPECT_EQ(record.version, 2);
  EXPECT_EQ(record.indexed_version, 1);
  EXPECT_EQ(record.chunk_count, 2);
  EXPECT_EQ(ListChunks(accepted.id).size(), 2u);
  EXPECT_TRUE(Load(accepted.id).present);
}

TEST_P(EffectStoreContract, AFailureForNowKeepsWhatIsStagedAndSaysWhenItIsTriedAgain) {
  const auto accepted = Accept(Keyless("t", "c"));
  Begin(OwnWork(accepted.id, 1));
  Stage(MakeEffects(accepted.id, 1, 3));
  const auto not_before = core::Now() + hours(1);
  EXPECT_EQ(FailForNow(accepted.id, 1, not_before), Applied::kYes);
  Reopen();
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kRetrying);
  EXPECT_EQ(Get(accepted.id).error->code, "embedding_failed");
  EXPECT_EQ(Get(accepted.id).next_attempt_at, not_before);
  EXPECT_EQ(Get(accepted.id).attempts, 1);
  EXPECT_TRUE(DueUploads().empty());
  EXPECT_EQ(Due("document-uploads-retry-5s").size(), 1u);  // the copy waits there, not here
  const auto order = Begin(OwnWork(accepted.id, 1));
  EXPECT_EQ(order.staged_chunks, 3);
  EXPECT_EQ(order.attempts, 2);
  EXPECT_FALSE(Get(accepted.id).next_attempt_at.has_value());
  EXPECT_FALSE(Get(accepted.id).error.has_value());
  EXPECT_EQ(FailForNow(accepted.id, 1, not_before), Applied::kYes);
  EXPECT_EQ(Due("document-uploads-retry-5s").size(), 1u);  // the newer copy replaces the older
  Publish(MakeEffects(accepted.id, 1, 0));
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kIndexed);
  EXPECT_FALSE(Get(accepted.id).next_attempt_at.has_value());
  EXPECT_TRUE(Due("document-uploads-retry-5s").empty());
}

TEST_P(EffectStoreContract, ANewVersionHasNothingOfTheRetryBefore) {
  const auto accepted = Accept(Keyed("k", "t", "one"));
  Begin(OwnWork(accepted.id, 1));
  FailForNow(accepted.id, 1, core::Now() + hours(1));
  Accept(Keyed("k", "t", "two"));
  EXPECT_EQ(Get(accepted.id).status, DocumentStatus::kQueued);
  EXPECT_EQ(Get(accepted.id).attempts, 0);
  EXPECT_FALSE(Get(accepted.id).next_attempt_at || Get(accepted.id).error);
  EXPECT_EQ(Begin(OwnWork(accepted.id, 1)).verdict, Verdict::kSuperseded);  // its copy, when it comes
}

}  // namespace
}  // namespace millrace::contract
