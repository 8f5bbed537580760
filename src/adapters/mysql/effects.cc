#include "adapters/mysql/effects.h"

#include <algorithm>
#include <functional>
#include <map>

#include "adapters/mysql/chunk_rows.h"
#include "adapters/mysql/dead_letter_rows.h"
#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/fence.h"

namespace millrace::mysql {
namespace {

using core::Applied;

/// Indexes of `batch` in document order, no document twice in a round: the n-th of a document is decided on what the
/// one before left.
template <typename T>
std::vector<std::vector<std::size_t>> RoundsOf(std::span<const T> batch) {
  std::vector<std::size_t> order(batch.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return batch[a].id < batch[b].id; });
  std::vector<std::vector<std::size_t>> rounds;
  std::map<core::DocumentId, std::size_t> seen;
  for (const std::size_t i : order) {
    const std::size_t round = seen[batch[i].id]++;
    if (round == rounds.size()) rounds.emplace_back();
    rounds[round].push_back(i);
  }
  return rounds;
}

template <typename T>
std::set<core::DocumentId> IdsOf(std::span<const T> batch, const std::vector<std::size_t>& members) {
  std::set<core::DocumentId> ids;
  for (const std::size_t i : members) ids.insert(batch[i].id);
  return ids;
}

void BeginRound(Connection& connection, std::span<const core::Work> batch, const std::vector<std::size_t>& members,
                const std::string& worker, std::vector<core::WorkOrder>& orders) {
  std::vector<const core::Work*> works;
  for (const std::size_t i : members) works.push_back(&batch[i]);
  Fence fence(connection, works, worker, core::Now());
  for (const std::size_t i : members) orders[i] = fence.Decide(batch[i]);
  fence.Flush();
}

/// The states of a round's documents, and which of its effects may be applied.
struct OpenRound {
  OpenRound(Connection& connection, std::span<const core::Effects> batch, const std::vector<std::size_t>& members)
      : states(LockStates(connection, IdsOf(batch, members))) {
    std::vector<core::DocumentId> ids;
    for (const auto& [id, state] : states) ids.push_back(id);
    const std::set<core::DocumentId> living = LockDocuments(connection, ids);
    for (const std::size_t i : members) {
      if (living.contains(batch[i].id) && states.at(batch[i].id).IsOpen(batch[i].version)) {
        indexes.push_back(i);
        effects.push_back(&batch[i]);
      }
    }
  }

  StateRows states;
  std::vector<std::size_t> indexes;
  std::vector<const core::Effects*> effects;
};

void Finish(DocumentWriter& writer, StateRow& state, const core::Effects& effects, std::int32_t chunks,
            core::Timestamp now) {
  state.indexed_version = effects.version;
  state.revision = effects.version == state.reindexed_version ? state.revision + 1 : 0;
  state.chunk_count = chunks;
  state.progress_at = now;
  if (state.version == effects.version) {
    state.status = core::DocumentStatus::kIndexed;
    state.steps.chunked = effects.chunked_at;
    state.steps.embedded = effects.embedded_at;
    state.steps.stored = now;
    state.warning = effects.warning;
    state.next_attempt_at.reset();
    state.mark = {};
    state.error.reset();
    state.staged = false;
  }
  writer.Save(state);
  writer.RemoveUploads(effects.id, effects.version);
  core::StepTimes steps{{}, effects.chunked_at, effects.embedded_at, now};
  if (state.version == effects.version) steps = state.steps;
  writer.AddEvent(
      {effects.id, effects.version, state.revision, core::DocumentStatus::kIndexed, chunks, now, {}, {}, steps});
}

base::Status PublishRound(Connection& connection, std::span<const core::Effects> batch,
                          const std::vector<std::size_t>& members, std::vector<Applied>& applied) {
  OpenRound open(connection, batch, members);
  const core::Timestamp now = core::Now();
  ASSIGN_OR_RETURN(const std::vector<std::int32_t> chunks, AppendChunks(connection, open.states, open.effects));
  std::vector<DocumentVersion> versions;
  for (const core::Effects* effects : open.effects) versions.emplace_back(effects->id, effects->version);
  RetireOlder(connection, versions, now);
  DocumentWriter writer(connection);
  for (std::size_t i = 0; i < open.effects.size(); ++i) {
    Finish(writer, open.states.at(open.effects[i]->id), *open.effects[i], chunks[i], now);
    applied[open.indexes[i]] = Applied::kYes;
  }
  writer.Flush();
  RemoveDeadLetters(connection, versions);
  return {};
}

void FailRound(Connection& connection, std::span<const core::Failure> batch, const std::vector<std::size_t>& members,
               std::vector<Applied>& applied) {
  StateRows states = LockStates(connection, IdsOf(batch, members));
  const core::Timestamp now = core::Now();
  DocumentWriter writer(connection);
  std::vector<const core::Failure*> retries;
  std::vector<DocumentVersion> ended;
  std::vector<const core::DeadLetterDraft*> dead_letters;
  for (const std::size_t i : members) {
    const core::Failure& failure = batch[i];
    const auto found = states.find(failure.id);
    if (found == states.end() || failure.version != found->second.version || !found->second.IsOpen(failure.version)) {
      continue;
    }
    StateRow& state = found->second;
    state.status = core::StatusAfter(failure);
    state.next_attempt_at.reset();
    state.mark = {};
    state.error = failure.error;
    state.progress_at = now;
    if (failure.retry) {
      state.next_attempt_at = failure.retry->not_before;
      retries.push_back(&failure);
    } else {
      ended.emplace_back(failure.id, failure.version);
      if (failure.dead_letter) dead_letters.push_back(&*failure.dead_letter);
    }
    writer.Save(state);
    writer.RemoveUploads(failure.id, failure.version);
    writer.AddEvent({failure.id,
                     failure.version,
                     state.revision,
                     state.status,
                     0,
                     now,
                     failure.error,
                     {},
                     {},
                     state.next_attempt_at});
    applied[i] = Applied::kYes;
  }
  RemoveChunks(connection, ended);
  ListDeadLetters(connection, std::move(dead_letters), core::WhenListed::kUpdate, now, writer);
  writer.Flush();
  for (const core::Failure* failure : retries) {  // after what they replace has gone
    writer.AddRecord(failure->retry->copy, {failure->id, failure->version}, now, 0);
  }
  writer.Flush();
}

}  // namespace

base::Result<std::vector<core::WorkOrder>> EffectRows::Begin(std::span<const core::Work> batch,
                                                             const std::string& worker, base::Deadline deadline) {
  if (batch.empty()) return std::vector<core::WorkOrder>();
  return engine_.Write(deadline, [&](Connection& connection) -> base::Result<std::vector<core::WorkOrder>> {
    std::vector<core::WorkOrder> orders(batch.size());
    for (const auto& members : RoundsOf(batch)) BeginRound(connection, batch, members, worker, orders);
    return orders;
  });
}

base::Result<Applied> EffectRows::Stage(const core::Effects& part, base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) -> base::Result<Applied> {
    const core::Effects* const only[] = {&part};
    RETURN_IF_ERROR(Check(connection, only));
    OpenRound open(connection, {&part, 1}, {0});
    if (open.effects.empty()) return Applied::kFenced;
    ASSIGN_OR_RETURN([[maybe_unused]] const auto chunks, AppendChunks(connection, open.states, open.effects));
    connection.Run("UPDATE document_state SET staged = TRUE, progress_at = ? WHERE document_id = ?", core::Now(),
                   part.id);
    return Applied::kYes;
  });
}

base::Result<std::vector<Applied>> EffectRows::Publish(std::span<const core::Effects> batch, base::Deadline deadline) {
  if (batch.empty()) return std::vector<Applied>();
  return engine_.Write(deadline, [&](Connection& connection) -> base::Result<std::vector<Applied>> {
    std::vector<const core::Effects*> all;
    for (const core::Effects& effects : batch) all.push_back(&effects);
    RETURN_IF_ERROR(Check(connection, all));
    std::vector<Applied> applied(batch.size(), Applied::kFenced);
    for (const auto& members : RoundsOf(batch)) RETURN_IF_ERROR(PublishRound(connection, batch, members, applied));
    return applied;
  });
}

base::Result<std::vector<Applied>> EffectRows::Fail(std::span<const core::Failure> batch, base::Deadline deadline) {
  if (batch.empty()) return std::vector<Applied>();
  return engine_.Write(deadline, [&](Connection& connection) -> base::Result<std::vector<Applied>> {
    std::vector<Applied> applied(batch.size(), Applied::kFenced);
    for (const auto& members : RoundsOf(batch)) FailRound(connection, batch, members, applied);
    return applied;
  });
}

base::Status EffectRows::Abandon(std::span<const core::DocumentId> ids, const std::string& worker,
                                 base::Deadline deadline) {
  if (ids.empty()) return {};
  return engine_.Write(deadline, [&](Connection& connection) -> base::Status {
    DocumentWriter writer(connection);
    for (auto& [id, state] : LockStates(connection, {ids.begin(), ids.end()})) {
      if (state.mark.worker != worker) continue;
      state.mark = {{}, false, state.mark.crashes};
      writer.Save(state);
    }
    writer.Flush();
    return {};
  });
}

base::Status EffectRows::DeadLetter(std::span<const core::DeadLetterDraft> records, base::Deadline deadline) {
  if (records.empty()) return {};
  return engine_.Write(deadline, [&](Connection& connection) -> base::Status {
    std::vector<const core::DeadLetterDraft*> drafts;
    for (const core::DeadLetterDraft& record : records) drafts.push_back(&record);
    DocumentWriter writer(connection);
    ListDeadLetters(connection, std::move(drafts), core::WhenListed::kLeave, core::Now(), writer);
    writer.Flush();
    return {};
  });
}

}  // namespace millrace::mysql
