#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "core/dead_letters.h"
#include "core/document_event.h"
#include "core/document_store.h"
#include "core/document_traces.h"
#include "core/effect_store.h"
#include "core/idempotency.h"
#include "core/index_feed.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/reindex.h"
#include "core/store_admin.h"

/// What every store must do, whatever is below it. A factory file per adapter instantiates the suites.
namespace millrace::contract {

struct StoreFixture {
  core::DocumentStore& documents;
  core::ContentStore& contents;
  core::ChunkStore& chunks;
  core::EffectStore& effects;
  core::DeadLetters& dead_letters;
  core::Reindexer& reindexer;
  core::IdempotencyKeys& requests;
  core::TraceFinder& traces;
  core::IndexFeed& feed;
  core::Outbox& outbox;
  core::StoreAdmin& admin;
};

/// An empty store and whatever it lives in, both gone with the object.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;

  virtual StoreFixture ports() = 0;

  /// Closes the store and opens it again, where it outlives its object; earlier ports() are then dangling.
  virtual void Reopen() {}
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;

  friend std::ostream& operator<<(std::ostream& out, const StoreFactory& factory) { return out << factory.name; }
};

inline std::string StoreName(const testing::TestParamInfo<StoreFactory>& test) { return test.param.name; }

inline constexpr char kWorker[] = "worker";  // which runs the pipeline, where a test does not say

inline base::Deadline Soon() { return base::Deadline::AfterSeconds(20); }

core::NewDocument Keyless(std::string title, std::string content);
core::NewDocument Keyed(std::string key, std::string title, std::string content);

/// `count` chunks from index `first` on, with unit vectors of `dimensions` that differ by version and index.
core::Effects MakeEffects(core::DocumentId id, core::Version version, int count, int first = 0, int dimensions = 3);
core::Work OwnWork(core::DocumentId id, core::Version version);
core::Work ForeignWork(core::DocumentId id, std::int64_t offset, core::Timestamp timestamp, std::string content);

/// A copy for `topic` of a record that is not text: key, value and one header of its producer, and one of ours.
core::LogRecord MakeCopy(std::string topic);
core::DeadLetterDraft MakeDeadLetter(core::DocumentId id, core::Version version, std::int64_t offset,
                                     std::string code = "no_text");

/// The ports, and shorthands that expect success.
class StoreContract : public testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override { store_ = GetParam().make(); }

  StoreFixture ports() { return store_->ports(); }
  void Reopen() { store_->Reopen(); }

  core::Accepted Accept(const core::NewDocument& document);
  core::WorkOrder Begin(const core::Work& work, const std::string& worker = kWorker);
  core::WorkOrder BeginAlone(core::Work work, const std::string& worker);
  core::Applied Stage(const core::Effects& part);
  core::Applied Publish(const core::Effects& effects);
  core::Applied Fail(core::DocumentId id, core::Version version);
  core::Applied FailForNow(core::DocumentId id, core::Version version, core::Timestamp not_before);
  /// Ends `dead_lettered`, as the record at `offset` of partition 0.
  core::Applied FailForGood(core::DocumentId id, core::Version version, std::int64_t offset);
  void Delete(core::DocumentId id);
  core::DocumentRecord Get(core::DocumentId id);
  /// Accepts, begins and publishes `chunks` chunks.
  core::Accepted AcceptIndexed(const core::NewDocument& document, int chunks = 2);

  std::vector<core::StoredChunk> ListChunks(core::DocumentId id);
  std::vector<core::ChunkId> ChunkIds(core::DocumentId id);
  std::size_t CountHydrated(const std::vector<core::ChunkId>& ids);
  bool HasBody(core::DocumentId id, core::Version version);
  core::IndexEntry Load(core::DocumentId id);

  std::vector<core::DeadLetter> DeadLetters(const core::DeadLetterQuery& query = {});
  void Redrive(core::DeadLetterId id, const core::LogRecord& record);

  std::vector<core::OutboxRow> Claim(std::chrono::milliseconds lease = std::chrono::minutes(1));
  void MarkSent(const core::OutboxRow& row, core::Position position);
  void Release(const std::vector<core::OutboxRow>& rows);
  /// Sends every row that is due, in order, at offsets 0, 1, 2 … of partition 0.
  std::vector<core::OutboxRow> Drain();
  /// The events not sent yet, in order, which are then sent; leaves uploads as they were.
  std::vector<core::DocumentEvent> TakeEvents();
  /// The due upload rows; leaves them as they were.
  std::vector<core::OutboxRow> DueUploads();
  /// The due rows of `topic`; leaves all as they were.
  std::vector<core::OutboxRow> Due(const std::string& topic);
  std::int64_t BacklogRows();

 private:
  std::unique_ptr<StoreUnderTest> store_;
};

class DocumentStoreContract : public StoreContract {};
class EffectStoreContract : public StoreContract {};
class PoisonGuardContract : public StoreContract {};
class DeadLettersContract : public StoreContract {};
class ReindexContract : public StoreContract {};
class IdempotencyContract : public StoreContract {};
class TracesContract : public StoreContract {};
class OutboxContract : public StoreContract {};
class ForeignRecordContract : public StoreContract {};
class EventContract : public StoreContract {};
class IndexFeedContract : public StoreContract {};
class StoreAdminContract : public StoreContract {};
class StoreConcurrencyContract : public StoreContract {};

}  // namespace millrace::contract

/// Runs every store suite on what `factory` makes. Once in a binary.
#define MILLRACE_INSTANTIATE_STORE_SUITE(suite, factory) \
  INSTANTIATE_TEST_SUITE_P(Store, suite, testing::Values(factory), StoreName)
#define MILLRACE_INSTANTIATE_STORE_CONTRACT(factory)                \
  MILLRACE_INSTANTIATE_STORE_SUITE(DocumentStoreContract, factory); \
  MILLRACE_INSTANTIATE_STORE_SUITE(EffectStoreContract, factory);   \
  MILLRACE_INSTANTIATE_STORE_SUITE(PoisonGuardContract, factory);   \
  MILLRACE_INSTANTIATE_STORE_SUITE(DeadLettersContract, factory);   \
  MILLRACE_INSTANTIATE_STORE_SUITE(ReindexContract, factory);       \
  MILLRACE_INSTANTIATE_STORE_SUITE(IdempotencyContract, factory);   \
  MILLRACE_INSTANTIATE_STORE_SUITE(TracesContract, factory);        \
  MILLRACE_INSTANTIATE_STORE_SUITE(OutboxContract, factory);        \
  MILLRACE_INSTANTIATE_STORE_SUITE(ForeignRecordContract, factory); \
  MILLRACE_INSTANTIATE_STORE_SUITE(EventContract, factory);         \
  MILLRACE_INSTANTIATE_STORE_SUITE(IndexFeedContract, factory);     \
  MILLRACE_INSTANTIATE_STORE_SUITE(StoreAdminContract, factory);    \
  MILLRACE_INSTANTIATE_STORE_SUITE(StoreConcurrencyContract, factory)
