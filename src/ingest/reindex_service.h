#pragma once

#include <functional>
#include <utility>

#include "core/document_store.h"
#include "core/reindex.h"

namespace millrace::ingest {

/// Has documents indexed again. Thread-safe.
class ReindexService {
 public:
  /// `check_backlog` refuses while too much waits for the log (kOverloaded); `on_queued` is called after each
  /// transaction that wrote to the outbox.
  ReindexService(core::Reindexer& reindexer, core::DocumentStore& documents,
                 std::function<base::Status()> check_backlog, std::function<void()> on_queued)
      : reindexer_(reindexer),
        documents_(documents),
        check_backlog_(std::move(check_backlog)),
        on_queued_(std::move(on_queued)) {}

  base::Result<std::int64_t> Count(const core::ReindexQuery& query) { return reindexer_.Count(query); }
  base::Result<core::ReindexBatch> Queue(const core::ReindexQuery& query, base::Deadline deadline);

  /// The document as it is queued. kNotFound; kConflict while it is under way already.
  base::Result<core::DocumentRecord> QueueOne(core::DocumentId id, base::Deadline deadline);

 private:
  core::Reindexer& reindexer_;
  core::DocumentStore& documents_;
  const std::function<base::Status()> check_backlog_;
  const std::function<void()> on_queued_;
};

}  // namespace millrace::ingest
