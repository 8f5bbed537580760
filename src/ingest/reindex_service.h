#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "core/document_store.h"
#include "core/filter.h"
#include "core/reindex.h"

namespace millrace::ingest {

/// Of the documents that the store finds by `query`, those that `where` matches.
struct ReindexSelection {
  core::ReindexQuery query;
  std::optional<core::Filter> where;
};

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

  base::Result<std::int64_t> Count(const ReindexSelection& selection, base::Deadline deadline);
  /// With `where` a call looks through a bounded number of documents: it may queue none of them and have a cursor.
  base::Result<core::ReindexBatch> Queue(const ReindexSelection& selection, base::Deadline deadline);

  /// The document as it is queued. kNotFound; kConflict while it is under way already.
  base::Result<core::DocumentRecord> QueueOne(core::DocumentId id, base::Deadline deadline);

 private:
  /// What is to be queued of the documents from the cursor on: at most `most` of about `looked_at`.
  base::Result<core::ReindexBatch> Find(const ReindexSelection& selection, std::size_t most, std::size_t looked_at,
                                        base::Deadline deadline);

  core::Reindexer& reindexer_;
  core::DocumentStore& documents_;
  const std::function<base::Status()> check_backlog_;
  const std::function<void()> on_queued_;
};

}  // namespace millrace::ingest
