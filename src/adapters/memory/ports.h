#pragma once

#include "adapters/memory/tables.h"
#include "core/dead_letters.h"
#include "core/document_store.h"
#include "core/document_traces.h"
#include "core/effect_store.h"
#include "core/idempotency.h"
#include "core/index_feed.h"
#include "core/outbox.h"
#include "core/reindex.h"
#include "core/store_admin.h"

namespace millrace::memory {

/// Documents, contents and chunks, as clients see them.
class Documents : public core::DocumentStore, public core::ContentStore, public core::ChunkStore {
 public:
  explicit Documents(Tables& tables) : tables_(tables) {}

  base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument> documents,
                                                   base::Deadline deadline) override;
  base::Status Delete(core::DocumentId id, base::Deadline deadline) override;
  base::Result<core::DocumentRecord> Get(core::DocumentId id) override;
  base::Result<std::vector<core::DocumentRecord>> List(const core::DocumentQuery& query) override;
  base::Result<std::vector<core::KeptVersion>> ListVersions(core::DocumentId id, core::Version before,
                                                            std::size_t limit) override;
  base::Result<core::StoreCounts> Counts() override;
  base::Result<std::string> ReadPart(core::DocumentId id, core::Version version, std::int32_t part) override;
  base::Result<std::vector<core::StoredChunk>> Hydrate(std::span<const core::ChunkId> ids) override;
  base::Result<std::vector<core::StoredChunk>> ListChunks(core::DocumentId id, std::int32_t first,
                                                          std::size_t limit) override;

 private:
  core::Accepted AcceptOnce(const core::NewDocument& document, core::Timestamp now);
  core::Accepted AcceptOne(const core::NewDocument& document, core::Timestamp now);

  Tables& tables_;
};

class Effects : public core::EffectStore {
 public:
  explicit Effects(Tables& tables) : tables_(tables) {}

  base::Result<std::vector<core::WorkOrder>> Begin(std::span<const core::Work> batch, const std::string& worker,
                                                   base::Deadline deadline) override;
  base::Status Abandon(std::span<const core::DocumentId> ids, const std::string& worker,
                       base::Deadline deadline) override;
  base::Result<core::Applied> Stage(const core::Effects& part, base::Deadline deadline) override;
  base::Result<std::vector<core::Applied>> Publish(std::span<const core::Effects> batch,
                                                   base::Deadline deadline) override;
  base::Result<std::vector<core::Applied>> Fail(std::span<const core::Failure> batch, base::Deadline deadline) override;
  base::Status DeadLetter(std::span<const core::DeadLetterDraft> records, base::Deadline deadline) override;

 private:
  core::WorkOrder Fence(const core::Work& work, const std::string& worker, core::Timestamp now);
  core::WorkOrder Process(DocumentRow& document, const core::Work& work, core::Timestamp now);
  void FollowRedriven(const core::Work& work, const core::WorkOrder& order);
  base::Status Check(const core::Effects& effects) const;
  void AddChunks(DocumentRow& document, const core::Effects& effects);
  core::Applied PublishOne(const core::Effects& effects, core::Timestamp now);

  Tables& tables_;
};

class DeadLetterTable : public core::DeadLetters {
 public:
  explicit DeadLetterTable(Tables& tables) : tables_(tables) {}

  base::Result<std::vector<core::DeadLetter>> List(const core::DeadLetterQuery& query) override;
  base::Result<std::int64_t> Count(const core::DeadLetterQuery& query) override;
  base::Result<std::vector<core::DeadLetterReason>> Reasons() override;
  base::Result<core::RecordPayload> Payload(core::DeadLetterId id) override;
  base::Status Redrive(core::DeadLetterId id, const core::LogRecord& record, base::Deadline deadline) override;
  base::Result<std::int64_t> Purge(std::span<const core::DeadLetterId> ids, base::Deadline deadline) override;

 private:
  base::Status RequeueDocument(const core::DeadLetter& letter, core::Timestamp now);

  Tables& tables_;
};

class ReindexTable : public core::Reindexer {
 public:
  explicit ReindexTable(Tables& tables) : tables_(tables) {}

  base::Result<std::int64_t> Count(const core::ReindexQuery& query) override;
  base::Result<core::ReindexBatch> Reindex(const core::ReindexQuery& query, base::Deadline deadline) override;

 private:
  void Queue(DocumentRow& document, core::Timestamp now);

  Tables& tables_;
};

class RequestTable : public core::IdempotencyKeys {
 public:
  explicit RequestTable(Tables& tables) : tables_(tables) {}

  base::Result<core::RequestState> Begin(const core::RequestClaim& claim, base::Deadline deadline) override;
  base::Status Finish(const std::string& id, const std::string& owner, const core::KeptAnswer& answer,
                      base::Deadline deadline) override;
  base::Status Release(const std::string& id, const std::string& owner, base::Deadline deadline) override;

 private:
  Tables& tables_;
};

class Traces : public core::TraceFinder {
 public:
  explicit Traces(Tables& tables) : tables_(tables) {}

  base::Result<core::DocumentTraces> Find(core::DocumentId id) override;

 private:
  Tables& tables_;
};

class Feed : public core::IndexFeed {
 public:
  explicit Feed(Tables& tables) : tables_(tables) {}

  base::Result<std::vector<core::IndexEntry>> Load(std::span<const core::DocumentId> ids) override;
  base::Result<std::vector<core::IndexEntry>> Scan(core::DocumentId after, std::size_t max_chunks) override;
  base::Result<std::vector<core::IndexedVersion>> ListVersions(core::DocumentId after, std::size_t limit) override;

 private:
  Tables& tables_;
};

class OutboxTable : public core::Outbox {
 public:
  explicit OutboxTable(Tables& tables) : tables_(tables) {}

  base::Result<std::vector<core::OutboxRow>> Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                   std::chrono::milliseconds lease) override;
  base::Status MarkSent(std::span<const core::Sent> sent) override;
  base::Status Release(std::span<const std::int64_t> rows) override;
  base::Status Requeue(core::DocumentId id, core::Version version) override;
  base::Result<core::OutboxBacklog> Backlog() override;

 private:
  Tables& tables_;
};

class Admin : public core::StoreAdmin {
 public:
  explicit Admin(Tables& tables) : tables_(tables) {}

  base::Result<core::StoreIdentity> Identity() override;
  base::Result<core::StoreIdentity> BeginEpoch() override;
  base::Status ClaimModel(const std::string& model) override;
  base::Result<std::int64_t> RemoveExpired(core::Timestamp now) override;
  base::Result<std::vector<core::Stalled>> FindStalled(core::Timestamp before, core::DocumentId after,
                                                       std::size_t limit) override;
  base::Status Probe(std::chrono::milliseconds timeout) override;

 private:
  Tables& tables_;
};

}  // namespace millrace::memory
