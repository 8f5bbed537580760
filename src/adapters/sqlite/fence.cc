#include "adapters/sqlite/fence.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "adapters/sqlite/dead_letter_rows.h"
#include "adapters/sqlite/document_rows.h"
#include "core/fence.h"
#include "core/metadata.h"

namespace millrace::sqlite {
namespace {

using Verdict = core::WorkOrder::Verdict;

/// Marks the newest version as `processing` and hands it out.
core::WorkOrder Process(Connection& connection, const StateRow& state, const core::RunMark& mark, core::Timestamp now) {
  const auto version = FindVersion(connection, state.id, state.version);
  if (!version)
    throw Failure(
        {base::Code::kCorrupt, fmt::format("version {} of document {} is missing", state.version, state.id), {}});
  connection.Run(R"sql(
      UPDATE document_state SET status = 'processing', attempts = attempts + 1, progress_at = ?2, error_code = NULL,
        error_message = NULL, error_stage = NULL, next_attempt_at = NULL, worker = ?3, alone = ?4, crashes = ?5
      WHERE document_id = ?1)sql",
                 state.id, now, mark.worker, mark.alone, mark.crashes);
  AddEvent(connection, {state.id, state.version, state.revision, core::DocumentStatus::kProcessing, 0, now, {}, {}});
  core::WorkOrder order;
  order.version = state.version;
  order.title = version->title;
  order.chunking = version->chunking;
  order.content_bytes = version->content_bytes;
  order.staged_chunks = CountStaged(connection, state.id, state.version);
  order.attempts = state.attempts + 1;
  return order;
}

/// By version: `version` is what the message carries, or was given before.
core::WorkOrder FenceVersion(Connection& connection, const core::Work& work, const std::string& worker,
                             core::Version version, core::Timestamp now) {
  const auto state = FindState(connection, work.id);
  if (auto order = core::FenceVersion(state ? &*state : nullptr, work.id, version)) return *std::move(order);
  core::RunMark mark = state->mark;
  const Verdict verdict =
      core::Guard(mark, worker, work.alone, [](const std::string&) { return false; });  // the file is ours alone
  if (verdict != Verdict::kProcess) {
    auto order = core::WorkOrder::Skip(verdict, version);
    order.attempts = state->attempts;
    return order;
  }
  if (!work.position.topic.empty()) StorePosition(connection, work.id, version, work.position, work.timestamp);
  return Process(connection, *state, mark, now);
}

/// Makes the record the document's newest version.
core::Version ApplyForeign(Connection& connection, const core::Work& work, const std::optional<StateRow>& before,
                           const VersionDraft& draft, core::Timestamp now) {
  connection.Run(R"sql(
      INSERT INTO documents(id, created_at, updated_at) VALUES (?1, ?2, ?2)
      ON CONFLICT(id) DO UPDATE SET updated_at = excluded.updated_at)sql",
                 work.id, now);
  return AddVersion(connection, work.id, before, draft, now);
}

core::WorkOrder FenceForeign(Connection& connection, const core::Work& work, const std::string& worker,
                             core::Timestamp now) {
  const auto state = FindState(connection, work.id);
  std::optional<VersionRow> newest;
  if (state) {
    switch (core::PlaceForeign(*state, work)) {
      case core::ForeignPlace::kSame: return FenceVersion(connection, work, worker, state->position_version, now);
      case core::ForeignPlace::kDeleted: return core::WorkOrder::Skip(Verdict::kDeleted, state->version);
      case core::ForeignPlace::kSuperseded: return core::WorkOrder::Skip(Verdict::kSuperseded, state->version);
      case core::ForeignPlace::kNewest: break;
    }
    newest = FindVersion(connection, work.id, state->version);
  } else {
    const core::DocumentId highest =
        core::kMaxForeignGap + connection.Int("SELECT seq FROM sqlite_sequence WHERE name = 'documents'").value_or(0);
    if (work.id <= 0 || work.id > highest) return core::RefuseForeign(work.id, highest);
  }
  const std::string title = work.title.value_or(newest ? newest->title : "");
  const VersionDraft draft{title, work.content, newest ? newest->metadata : core::FormatMetadata({}),
                           newest ? newest->chunking : work.chunking};
  if (!newest || newest->identity_hash != draft.IdentityHash()) {
    return FenceVersion(connection, work, worker, ApplyForeign(connection, work, state, draft, now), now);
  }
  if (state->settled()) {  // nothing new, and nothing to do
    StorePosition(connection, work.id, state->version, work.position, work.timestamp);
  }
  return FenceVersion(connection, work, worker, state->version, now);
}

}  // namespace

core::WorkOrder Fence(Connection& connection, const core::Work& work, const std::string& worker, core::Timestamp now) {
  const core::WorkOrder order = work.version == 0 ? FenceForeign(connection, work, worker, now)
                                                  : FenceVersion(connection, work, worker, work.version, now);
  if (work.dead_letter > 0) FollowRedriven(connection, work, order);
  return order;
}

}  // namespace millrace::sqlite
