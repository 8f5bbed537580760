#include "adapters/sqlite/reindex.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <limits>
#include <string>

#include "adapters/sqlite/document_rows.h"

namespace millrace::sqlite {
namespace {

constexpr core::DocumentId kAnyDocument = std::numeric_limits<core::DocumentId>::max();

std::string ConditionOf(const core::ReindexQuery& query) {
  std::string condition =
      " FROM document_state s JOIN documents d ON d.id = s.document_id WHERE s.document_id < ?3 AND s.status IN ";
  condition += core::StatusList(query);
  if (!query.ids.empty()) condition += " AND s.document_id IN (SELECT value FROM json_each(?1))";
  if (query.key_prefix) condition += " AND substr(d.key, 1, length(?2)) = ?2";
  return condition;
}

std::string IdsOf(const core::ReindexQuery& query) { return fmt::format("[{}]", fmt::join(query.ids, ",")); }

/// Makes the indexed version, with its content, the one before a copy of itself.
core::Version CopyVersion(Connection& connection, const StateRow& state) {
  connection.Run(std::string(sql::kCopyVersion) + "document_id = ?1 AND version = ?2", state.id, state.version);
  connection.Run("UPDATE document_contents SET version = version + 1 WHERE document_id = ?1 AND version = ?2", state.id,
                 state.version);
  const bool is_copy = state.reindexed_version == state.version;
  connection.Run(R"sql(
      UPDATE document_state SET version = version + 1, reindexed_version = version + 1, position_at = position_at - ?2
      WHERE document_id = ?1)sql",
                 state.id, is_copy ? 0 : core::kCopyIsOlder.count());
  return state.version + 1;
}

void Queue(Connection& connection, core::DocumentId id, core::Timestamp now) {
  const auto state = FindState(connection, id);
  const bool indexed = state->version == state->indexed_version;
  const core::Version version = indexed ? CopyVersion(connection, *state) : state->version;
  if (indexed) {
    connection.Run(R"sql(
        UPDATE document_state SET received_at = ?2, chunked_at = NULL, embedded_at = NULL, stored_at = NULL,
          warning = NULL WHERE document_id = ?1)sql",
                   id, now);
  }
  connection.Run(R"sql(
      UPDATE document_state SET status = 'queued', attempts = 0, next_attempt_at = NULL, progress_at = ?2,
        error_code = NULL, error_message = NULL, error_stage = NULL, worker = NULL, alone = 0, crashes = 0
      WHERE document_id = ?1)sql",
                 id, now);
  AddUpload(connection, id, version, now);
  AddEvent(connection, {id, version, state->revision, core::DocumentStatus::kQueued, 0, now, {}, {}});
}

}  // namespace

base::Result<std::int64_t> ReindexRows::Count(const core::ReindexQuery& query) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::int64_t> {
    Statement count(connection, "SELECT count(*)" + ConditionOf(query));
    count.Bind(IdsOf(query), query.key_prefix, query.before.value_or(kAnyDocument));
    count.Step();
    return count.Int(0);
  });
}

base::Result<core::ReindexBatch> ReindexRows::Reindex(const core::ReindexQuery& query, base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<core::ReindexBatch> {
    core::ReindexBatch batch;
    Statement select(connection, "SELECT s.document_id" + ConditionOf(query) + " ORDER BY s.document_id DESC LIMIT ?4");
    select.Bind(IdsOf(query), query.key_prefix, query.before.value_or(kAnyDocument), query.limit + 1);
    while (select.Step()) {
      if (batch.queued.size() < query.limit) {
        batch.queued.push_back(select.Int(0));
      } else {
        batch.cursor = batch.queued.back();
      }
    }
    for (const core::DocumentId id : batch.queued) Queue(connection, id, core::Now());
    return batch;
  });
}

}  // namespace millrace::sqlite
