#pragma once

#include "ingest/cache_keeper.h"
#include "ingest/document_processor.h"
#include "ingest/intake.h"
#include "ingest/outbox_relay.h"

namespace millrace::ingest {

/// This server's own index, as far as accepting needs it.
class LocalIndex {
 public:
  virtual ~LocalIndex() = default;

  /// The index holds what the store holds of these documents when it returns.
  virtual base::Status Refresh(std::span<const core::DocumentId> ids, base::Deadline deadline) = 0;

  virtual bool IsSearchable(core::DocumentId id, core::Version version) const = 0;

  /// Waits until something was applied after `seen`, which is then updated; false when the deadline passed.
  virtual bool WaitForChange(std::uint64_t& seen, base::Deadline deadline) const = 0;
};

class IntakeService final : public Intake {
 public:
  struct Parts {
    core::DocumentStore& store;
    DocumentProcessor& processor;
    OutboxRelay& relay;
    LocalIndex& index;
    const base::StopFlag& stop;    // ends waits for documents
    CacheKeeper* cache = nullptr;  // told of deletes, where there is a cache
  };

  /// Beyond `max_backlog` undelivered messages accepting answers kOverloaded.
  IntakeService(Parts parts, std::int64_t max_backlog, base::Metrics& metrics);

  base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument> documents,
                                                   base::Deadline deadline) override;
  base::Result<SyncOutcome> AcceptAndIndex(core::NewDocument document, base::Deadline deadline) override;
  base::Status Delete(core::DocumentId id, base::Deadline deadline) override;
  base::Result<core::DocumentRecord> WaitFor(core::DocumentId id, core::Version version,
                                             base::Deadline deadline) override;

  /// kOverloaded while more than the bound waits for the log.
  base::Status CheckBacklog() const;

 private:
  Parts parts_;
  const std::int64_t max_backlog_;
  base::Counter& accepted_;
  base::Counter& deleted_;
};

}  // namespace millrace::ingest
