#include "ingest/reindex_service.h"

#include <fmt/core.h>

#include <limits>

namespace millrace::ingest {
namespace {

constexpr std::size_t kPage = 500;
constexpr std::size_t kLookedAtPerCall = 10'000;  // a second or so

bool Matches(const ReindexSelection& selection, const core::DocumentRecord& record) {
  const auto& prefix = selection.query.key_prefix;
  return core::Takes(selection.query, record.status) && (!prefix || (record.key && record.key->starts_with(*prefix))) &&
         core::Matches(*selection.where, record.id, record.title, record.key, record.metadata);
}

}  // namespace

base::Result<std::int64_t> ReindexService::Count(const ReindexSelection& selection, base::Deadline deadline) {
  if (!selection.where) return reindexer_.Count(selection.query);
  constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
  ASSIGN_OR_RETURN(const core::ReindexBatch found, Find(selection, kAll, kAll, deadline));
  return static_cast<std::int64_t>(found.queued.size());
}

base::Result<core::ReindexBatch> ReindexService::Queue(const ReindexSelection& selection, base::Deadline deadline) {
  RETURN_IF_ERROR(check_backlog_());
  core::ReindexQuery query = selection.query;
  std::optional<core::DocumentId> cursor;
  if (selection.where) {
    ASSIGN_OR_RETURN(core::ReindexBatch found, Find(selection, query.limit, kLookedAtPerCall, deadline));
    if (found.queued.empty()) return found;
    cursor = found.cursor;
    query.ids = std::move(found.queued);
  }
  auto batch = reindexer_.Reindex(query, deadline);
  if (!batch) return batch;
  on_queued_();
  if (selection.where) batch->cursor = cursor;
  return batch;
}

base::Result<core::ReindexBatch> ReindexService::Find(const ReindexSelection& selection, std::size_t most,
                                                      std::size_t looked_at, base::Deadline deadline) {
  core::DocumentQuery page;
  page.before = selection.query.before;
  page.limit = kPage;
  if (selection.query.statuses.size() == 1) page.status = selection.query.statuses.front();
  core::ReindexBatch found;
  for (std::size_t looked = 0;; looked += kPage) {
    if (deadline.expired())
      return base::Error{base::Code::kDeadlineExceeded, "there was no time for all documents", {}};
    ASSIGN_OR_RETURN(const auto records, documents_.List(page));
    for (const core::DocumentRecord& record : records) {
      if (!Matches(selection, record)) continue;
      if (found.queued.size() == most) {
        found.cursor = found.queued.back();
        return found;
      }
      found.queued.push_back(record.id);
    }
    if (records.size() < kPage) return found;
    page.before = records.back().id;
    if (looked + kPage >= looked_at) {
      found.cursor = page.before;
      return found;
    }
  }
}

base::Result<core::DocumentRecord> ReindexService::QueueOne(core::DocumentId id, base::Deadline deadline) {
  ReindexSelection selection;
  selection.query.ids = {id};
  ASSIGN_OR_RETURN(const core::ReindexBatch batch, Queue(selection, deadline));
  ASSIGN_OR_RETURN(core::DocumentRecord record, documents_.Get(id));
  if (!batch.queued.empty()) return record;
  return base::Error{base::Code::kConflict,
                     fmt::format("document {} is under way already: {}", id, core::StatusName(record.status)),
                     {}};
}

}  // namespace millrace::ingest
