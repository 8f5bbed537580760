#include "adapters/sqlite/effects.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <string_view>

#include "adapters/sqlite/dead_letter_rows.h"
#include "adapters/sqlite/document_rows.h"
#include "adapters/sqlite/fence.h"

static_assert(std::endian::native == std::endian::little, "vectors are stored little-endian");

namespace millrace::sqlite {
namespace {

using core::Applied;

/// The vectors of one call as a row keeps them: `count` × dimensions little-endian float32.
std::string_view Bytes(std::span<const float> floats) {
  return {reinterpret_cast<const char*>(floats.data()), floats.size_bytes()};
}

bool IsOpen(const std::optional<StateRow>& state, core::Version version) { return state && state->IsOpen(version); }

base::Status Invalid(const core::Effects& effects, std::string_view what) {
  return {base::Code::kInvalidArgument, fmt::format("effects of document {}: {}", effects.id, what)};
}

/// The shape of the call, and that its vectors are as long as those already stored.
base::Status Check(Connection& connection, const core::Effects& effects) {
  if (effects.chunks.size() > core::Effects::kMaxRows)
    return Invalid(effects, "more chunks than one transaction takes");
  if (effects.chunks.empty())
    return effects.vectors.empty() ? base::Status() : Invalid(effects, "vectors without chunks");
  const std::size_t dimensions = effects.vectors.size() / effects.chunks.size();
  if (dimensions == 0 || dimensions * effects.chunks.size() != effects.vectors.size()) {
    return Invalid(effects, "the vectors do not fit the chunks");
  }
  for (std::size_t i = 1; i < effects.chunks.size(); ++i) {
    if (effects.chunks[i].index != effects.chunks[i - 1].index + 1) return Invalid(effects, "chunks are missing");
  }
  connection.Run("INSERT OR IGNORE INTO meta(name, value) VALUES ('dimensions', ?1)", dimensions);
  const auto stored = connection.Int("SELECT value FROM meta WHERE name = 'dimensions'");
  if (stored != static_cast<std::int64_t>(dimensions)) {
    return Invalid(effects,
                   fmt::format("vectors have {} dimensions, the stored ones {}", dimensions, stored.value_or(0)));
  }
  return {};
}

/// Appends to what is staged; chunks that are there already stay as they are. Answers how many the version has now.
base::Result<std::int32_t> AppendChunks(Connection& connection, const core::Effects& effects) {
  const std::int32_t staged = CountStaged(connection, effects.id, effects.version);
  if (effects.chunks.empty()) return staged;
  const std::int32_t first = effects.chunks.front().index;
  if (first < 0 || first > staged) return Invalid(effects, fmt::format("chunks before {} are missing", first)).error();
  const auto known = static_cast<std::size_t>(staged - first);
  if (known >= effects.chunks.size()) return staged;
  const auto fresh = std::span(effects.chunks).subspan(known);
  for (const core::ChunkDraft& chunk : fresh) {
    connection.Run(R"sql(
        INSERT INTO chunks(document_id, version, chunk_index, char_start, char_end, text)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6))sql",
                   effects.id, effects.version, chunk.index, chunk.char_start, chunk.char_end, chunk.text);
  }
  const auto count = static_cast<std::int64_t>(fresh.size());
  const std::size_t dimensions = effects.vectors.size() / effects.chunks.size();
  connection.Run(R"sql(
      INSERT INTO vectors(document_id, version, first_index, count, first_chunk_id, data)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6))sql",
                 effects.id, effects.version, staged, count, connection.last_insert_id() - count + 1,
                 Blob{Bytes(std::span(effects.vectors).subspan(known * dimensions))});
  return staged + static_cast<std::int32_t>(count);
}

/// Notes what `version` overtakes. The version before stays readable for a while; what was never indexed, never was.
void RetireOlder(Connection& connection, const StateRow& state, core::Version version, core::Timestamp now) {
  connection.Run(R"sql(
      INSERT OR IGNORE INTO retired_versions(document_id, version, retired_at, was_indexed)
      SELECT document_id, version, ?3, version = ?4 FROM document_versions WHERE document_id = ?1 AND version < ?2)sql",
                 state.id, version, now, state.indexed_version);
}

base::Result<Applied> PublishOne(Connection& connection, const core::Effects& effects, core::Timestamp now) {
  RETURN_IF_ERROR(Check(connection, effects));
  const auto state = FindState(connection, effects.id);
  if (!IsOpen(state, effects.version)) return Applied::kFenced;
  ASSIGN_OR_RETURN(const std::int32_t chunks, AppendChunks(connection, effects));
  RetireOlder(connection, *state, effects.version, now);
  const core::Revision revision = effects.version == state->reindexed_version ? state->revision + 1 : 0;
  connection.Run(R"sql(
      UPDATE document_state SET indexed_version = ?2, revision = ?3, chunk_count = ?4, progress_at = ?5
      WHERE document_id = ?1)sql",
                 effects.id, effects.version, revision, chunks, now);
  connection.Run(R"sql(
      UPDATE document_state SET status = 'indexed', chunked_at = ?3, embedded_at = ?4, stored_at = ?5, warning = ?6,
        error_code = NULL, error_message = NULL, error_stage = NULL, next_attempt_at = NULL, worker = NULL, alone = 0,
        crashes = 0 WHERE document_id = ?1 AND version = ?2)sql",
                 effects.id, effects.version, effects.chunked_at, effects.embedded_at, now, effects.warning);
  RemoveUploads(connection, effects.id, effects.version);
  RemoveDeadLetters(connection, effects.id, effects.version);
  core::StepTimes steps{{}, effects.chunked_at, effects.embedded_at, now};
  if (state->version == effects.version) steps.received = state->received_at;
  AddEvent(connection,
           {effects.id, effects.version, revision, core::DocumentStatus::kIndexed, chunks, now, {}, {}, steps});
  return Applied::kYes;
}

Applied FailOne(Connection& connection, const core::Failure& failure, core::Timestamp now) {
  const auto state = FindState(connection, failure.id);
  if (!IsOpen(state, failure.version) || failure.version != state->version) return Applied::kFenced;
  const core::DocumentStatus status = core::StatusAfter(failure);
  if (!failure.retry) RemoveChunks(connection, failure.id, failure.version);
  RemoveUploads(connection, failure.id, failure.version);
  std::optional<core::Timestamp> next_attempt_at;
  if (failure.retry) {
    next_attempt_at = failure.retry->not_before;
    AddRecord(connection, failure.retry->copy, failure.id, failure.version, now, 0);
  } else if (failure.dead_letter) {
    ListDeadLetter(connection, *failure.dead_letter, core::WhenListed::kUpdate, now);
  }
  connection.Run(R"sql(
      UPDATE document_state SET status = ?2, error_code = ?3, error_message = ?4, error_stage = ?5, progress_at = ?6,
        next_attempt_at = ?7, worker = NULL, alone = 0, crashes = 0 WHERE document_id = ?1)sql",
                 failure.id, core::StatusName(status), failure.error.code, failure.error.message, failure.error.stage,
                 now, next_attempt_at);
  AddEvent(connection,
           {failure.id, failure.version, state->revision, status, 0, now, failure.error, {}, {}, next_attempt_at});
  return Applied::kYes;
}

/// Indexes of `batch` in document order; equal documents keep theirs.
template <typename T>
std::vector<std::size_t> DocumentOrder(std::span<const T> batch) {
  std::vector<std::size_t> order(batch.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return batch[a].id < batch[b].id; });
  return order;
}

}  // namespace

base::Result<std::vector<core::WorkOrder>> EffectRows::Begin(std::span<const core::Work> batch,
                                                             const std::string& worker, base::Deadline deadline) {
  if (batch.empty()) return std::vector<core::WorkOrder>();
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<std::vector<core::WorkOrder>> {
    std::vector<core::WorkOrder> orders(batch.size());
    for (const std::size_t i : DocumentOrder(batch)) orders[i] = Fence(connection, batch[i], worker, core::Now());
    return orders;
  });
}

base::Status EffectRows::Abandon(std::span<const core::DocumentId> ids, const std::string& worker,
                                 base::Deadline deadline) {
  if (ids.empty()) return {};
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Status {
    for (const core::DocumentId id : ids) {
      connection.Run("UPDATE document_state SET worker = NULL, alone = 0 WHERE document_id = ?1 AND worker = ?2", id,
                     worker);
    }
    return {};
  });
}

base::Result<Applied> EffectRows::Stage(const core::Effects& part, base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<Applied> {
    RETURN_IF_ERROR(Check(connection, part));
    if (!IsOpen(FindState(connection, part.id), part.version)) return Applied::kFenced;
    RETURN_IF_ERROR(AppendChunks(connection, part));
    connection.Run("UPDATE document_state SET progress_at = ?2 WHERE document_id = ?1", part.id, core::Now());
    return Applied::kYes;
  });
}

base::Result<std::vector<Applied>> EffectRows::Publish(std::span<const core::Effects> batch, base::Deadline deadline) {
  if (batch.empty()) return std::vector<Applied>();
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<std::vector<Applied>> {
    std::vector<Applied> applied(batch.size());
    for (const std::size_t i : DocumentOrder(batch)) {
      ASSIGN_OR_RETURN(applied[i], PublishOne(connection, batch[i], core::Now()));
    }
    return applied;
  });
}

base::Result<std::vector<Applied>> EffectRows::Fail(std::span<const core::Failure> batch, base::Deadline deadline) {
  if (batch.empty()) return std::vector<Applied>();
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<std::vector<Applied>> {
    std::vector<Applied> applied(batch.size());
    for (const std::size_t i : DocumentOrder(batch)) applied[i] = FailOne(connection, batch[i], core::Now());
    return applied;
  });
}

base::Status EffectRows::DeadLetter(std::span<const core::DeadLetterDraft> records, base::Deadline deadline) {
  if (records.empty()) return {};
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Status {
    for (const core::DeadLetterDraft& record : records) {
      ListDeadLetter(connection, record, core::WhenListed::kLeave, core::Now());
    }
    return {};
  });
}

}  // namespace millrace::sqlite
