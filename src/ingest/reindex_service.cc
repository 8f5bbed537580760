#include "ingest/reindex_service.h"

#include <fmt/core.h>

namespace millrace::ingest {

base::Result<core::ReindexBatch> ReindexService::Queue(const core::ReindexQuery& query, base::Deadline deadline) {
  RETURN_IF_ERROR(check_backlog_());
  auto batch = reindexer_.Reindex(query, deadline);
  if (batch) on_queued_();
  return batch;
}

base::Result<core::DocumentRecord> ReindexService::QueueOne(core::DocumentId id, base::Deadline deadline) {
  core::ReindexQuery query;
  query.ids = {id};
  ASSIGN_OR_RETURN(const core::ReindexBatch batch, Queue(query, deadline));
  ASSIGN_OR_RETURN(core::DocumentRecord record, documents_.Get(id));
  if (!batch.queued.empty()) return record;
  return base::Error{base::Code::kConflict,
                     fmt::format("document {} is under way already: {}", id, core::StatusName(record.status)),
                     {}};
}

}  // namespace millrace::ingest
