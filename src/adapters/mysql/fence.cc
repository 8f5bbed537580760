#include "adapters/mysql/fence.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "adapters/mysql/dead_letter_rows.h"
#include "adapters/mysql/instances.h"
#include "adapters/mysql/rows.h"
#include "adapters/sql/dead_letter_rows.h"
#include "core/fence.h"
#include "core/metadata.h"

namespace millrace::mysql {
namespace {

using Verdict = core::WorkOrder::Verdict;

/// Of a row that another program added and nothing more is known of; empty where there is none.
std::string TitleOf(Connection& connection, core::DocumentId id) {
  Rows rows(connection, fmt::format("SELECT title FROM documents WHERE id = {}", id));
  return rows.Next() ? rows.Text(0) : std::string();
}

}  // namespace

Fence::Fence(Connection& connection, std::span<const core::Work* const> batch, const std::string& worker,
             core::Timestamp now)
    : connection_(connection), worker_(worker), now_(now), writer_(connection) {
  std::set<core::DocumentId> ids;
  for (const core::Work* work : batch) ids.insert(work->id);
  states_ = LockStates(connection, ids);
  LockForeign(batch);
  if (states_.empty()) return;
  const std::vector<DocumentVersion> newest = NewestOf(states_);
  newest_ = FindVersions(connection, newest);
  staged_ = CountStaged(connection, states_, newest);
}

/// Foreign records of documents that nothing is known of need a row to lock, unless their id is out of bounds.
void Fence::LockForeign(std::span<const core::Work* const> batch) {
  std::set<core::DocumentId> unknown, within;
  for (const core::Work* work : batch) {
    if (work->version == 0 && !states_.contains(work->id)) unknown.insert(work->id);
  }
  if (unknown.empty()) return;
  highest_foreign_ = HighestId(connection_) + core::kMaxForeignGap;
  for (const core::DocumentId id : unknown) {
    if (id <= 0 || id > highest_foreign_) continue;
    within.insert(id);
    highest_foreign_ = std::max(highest_foreign_, id + core::kMaxForeignGap);
  }
  states_.merge(LockOrMakeStates(connection_, within, now_));
}

StateRow* Fence::FindState(core::DocumentId id) {
  const auto found = states_.find(id);
  return found == states_.end() ? nullptr : &found->second;
}

core::WorkOrder Fence::Decide(const core::Work& work) {
  core::WorkOrder order = work.version == 0 ? DecideForeign(work) : DecideVersion(work, work.version);
  if (work.dead_letter > 0) {
    if (order.verdict == Verdict::kProcess) redriven_[work.dead_letter] = {work.id, order.version};
    if (order.settled()) settled_.push_back(work.dead_letter);
  }
  return order;
}

void Fence::Flush() {
  writer_.Flush();
  for (const auto& [letter, version] : redriven_) {
    sql::NoteVersion(connection_, letter, version.first, version.second);
  }
  RemoveDeadLetters(connection_, std::move(settled_));
}

/// Gives the document to this worker, unless the poison guard keeps it.
core::WorkOrder Fence::Mark(StateRow& state, const core::Work& work) {
  const Verdict verdict = core::Guard(state.mark, worker_, work.alone,
                                      [this](const std::string& another) { return Lives(connection_, another); });
  if (verdict != Verdict::kProcess) {
    auto order = core::WorkOrder::Skip(verdict, state.version);
    order.attempts = state.attempts;
    return order;
  }
  // Where the relay has reported the same, nothing of it is left to write.
  const bool known = state.position == work.position && state.position_version == state.version;
  if (!known && !work.position.topic.empty()) SetPosition(state, state.version, work.position, work.timestamp);
  return Process(state);
}

/// Marks the newest version as `processing` and hands it out.
core::WorkOrder Fence::Process(StateRow& state) {
  const auto version = newest_.find({state.id, state.version});
  if (version == newest_.end()) {
    throw Failure(
        {base::Code::kCorrupt, fmt::format("version {} of document {} is missing", state.version, state.id), {}});
  }
  state.status = core::DocumentStatus::kProcessing;
  state.attempts += 1;
  state.progress_at = now_;
  state.next_attempt_at.reset();
  state.error.reset();
  writer_.Save(state);
  writer_.AddEvent({state.id, state.version, state.revision, core::DocumentStatus::kProcessing, 0, now_, {}, {}});
  const auto staged = staged_.find({state.id, state.version});
  core::WorkOrder order;
  order.version = state.version;
  order.title = version->second.title;
  order.chunking = version->second.chunking;
  order.content_bytes = version->second.content_bytes;
  order.staged_chunks = staged == staged_.end() ? 0 : staged->second;
  order.attempts = state.attempts;
  return order;
}

/// By version: `version` is what the message carries, or was given before.
core::WorkOrder Fence::DecideVersion(const core::Work& work, core::Version version) {
  StateRow* const state = FindState(work.id);
  if (auto order = core::FenceVersion(state, work.id, version)) return *std::move(order);
  return Mark(*state, work);
}

core::WorkOrder Fence::DecideForeign(const core::Work& work) {
  StateRow* const state = FindState(work.id);
  if (!state) return core::RefuseForeign(work.id, highest_foreign_);
  switch (core::PlaceForeign(*state, work)) {
    case core::ForeignPlace::kSame: return DecideVersion(work, state->position_version);
    case core::ForeignPlace::kDeleted: return core::WorkOrder::Skip(Verdict::kDeleted, state->version);
    case core::ForeignPlace::kSuperseded: return core::WorkOrder::Skip(Verdict::kSuperseded, state->version);
    case core::ForeignPlace::kNewest: break;
  }
  const auto newest = newest_.find({work.id, state->version});
  const bool known = newest != newest_.end();
  const std::string title = work.title ? *work.title : known ? newest->second.title : TitleOf(connection_, work.id);
  const core::VersionDraft draft{title, work.content, known ? newest->second.metadata : core::FormatMetadata({}),
                                 known ? newest->second.chunking : work.chunking};
  if (!known || newest->second.identity_hash != draft.IdentityHash()) {
    writer_.Rewrite(work.id, title, work.content);
    writer_.AddVersion(*state, draft, now_);
    newest_[{work.id, state->version}] = {
        title, draft.metadata, draft.chunking, static_cast<std::int64_t>(work.content.size()), {}, {}};
  } else if (state->settled()) {
    SetPosition(*state, state->version, work.position, work.timestamp);  // nothing new, and nothing to do
    writer_.Save(*state);
  }
  return DecideVersion(work, state->version);
}

}  // namespace millrace::mysql
