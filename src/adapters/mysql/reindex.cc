#include "adapters/mysql/reindex.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/rows.h"

namespace millrace::mysql {
namespace {

std::string ConditionOf(const core::ReindexQuery& query) {
  std::string condition = " FROM document_state s JOIN documents d ON d.id = s.document_id WHERE s.status IN ";
  condition += core::StatusList(query);
  if (!query.ids.empty()) condition += " AND s.document_id IN " + ListOf(query.ids);
  if (query.before) condition += fmt::format(" AND s.document_id < {}", *query.before);
  if (query.key_prefix) {
    condition += fmt::format(" AND LEFT(d.doc_key, {}) = {}", query.key_prefix->size(), HexLiteral(*query.key_prefix));
  }
  return condition;
}

/// One more than the limit, where there are so many.
std::vector<core::DocumentId> Find(Connection& connection, const core::ReindexQuery& query) {
  Rows rows(connection, "SELECT s.document_id" + ConditionOf(query) +
                            fmt::format(" ORDER BY s.document_id DESC LIMIT {}", query.limit + 1));
  std::vector<core::DocumentId> ids;
  while (rows.Next()) ids.push_back(rows.Int(0));
  return ids;
}

/// The versions become those before copies of themselves, which have the contents.
void CopyVersions(Connection& connection, std::span<const DocumentVersion> versions) {
  InPieces(versions, [&](std::span<const DocumentVersion> piece) {
    const std::string which = AnyOf(piece);
    connection.Execute(std::string(sql::kCopyVersion) + which);
    connection.Execute("UPDATE document_contents SET version = version + 1 WHERE " + which);
  });
}

void Queue(DocumentWriter& writer, StateRow& state, core::Timestamp now) {
  if (state.version == state.indexed_version) {
    if (state.position_at && state.reindexed_version != state.version) *state.position_at -= core::kCopyIsOlder;
    state.reindexed_version = ++state.version;
    state.steps = {now, {}, {}, {}};
    state.warning.reset();
  }
  state.Requeue(now);
  writer.Save(state);
  writer.AddUpload(state.id, state.version, now);
  writer.AddEvent({state.id, state.version, state.revision, core::DocumentStatus::kQueued, 0, now, {}, {}});
}

base::Result<core::ReindexBatch> QueueSome(Connection& connection, const core::ReindexQuery& query,
                                           core::Timestamp now) {
  core::ReindexBatch batch;
  std::vector<core::DocumentId> found = Find(connection, query);
  if (found.size() > query.limit) {
    found.resize(query.limit);
    batch.cursor = found.back();
  }
  StateRows states = LockStates(connection, {found.begin(), found.end()});
  std::erase_if(states, [&](const auto& item) {  // what became of them until they were locked
    return !core::Takes(query, item.second.status);
  });
  std::vector<DocumentVersion> indexed;
  for (const auto& [id, state] : states) {
    if (state.version == state.indexed_version) indexed.emplace_back(id, state.version);
  }
  CopyVersions(connection, indexed);
  DocumentWriter writer(connection);
  for (auto& [id, state] : states) {
    Queue(writer, state, now);
    batch.queued.push_back(id);
  }
  writer.Flush();
  std::reverse(batch.queued.begin(), batch.queued.end());
  return batch;
}

}  // namespace

base::Result<std::int64_t> ReindexRows::Count(const core::ReindexQuery& query) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::int64_t> {
    Rows rows(connection, "SELECT count(*)" + ConditionOf(query));
    rows.Next();
    return rows.Int(0);
  });
}

base::Result<core::ReindexBatch> ReindexRows::Reindex(const core::ReindexQuery& query, base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) { return QueueSome(connection, query, core::Now()); });
}

}  // namespace millrace::mysql
