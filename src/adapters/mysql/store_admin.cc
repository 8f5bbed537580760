#include "adapters/mysql/store_admin.h"

#include <fmt/core.h>

#include <utility>

#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/idempotency.h"
#include "core/log.h"

namespace millrace::mysql {
namespace {

constexpr std::int64_t kMaxRemovedRows = 1000;      // in one transaction, so that it does not hold up other writers
constexpr std::int64_t kPacketOverhead = 64 << 10;  // what goes with a content in one statement

struct Version {
  core::DocumentId document_id;
  core::Version version;
};

std::vector<Version> FindRetired(Connection& connection, bool chunks_removed, core::Timestamp indexed_until,
                                 core::Timestamp never_indexed_until) {
  Statement select(connection, R"sql(
      SELECT document_id, version FROM retired_versions
      WHERE chunks_removed = ? AND retired_at <= CASE WHEN was_indexed THEN ? ELSE ? END
      ORDER BY document_id, version LIMIT 100 FOR UPDATE SKIP LOCKED)sql");
  select.Bind(chunks_removed, indexed_until, never_indexed_until);
  std::vector<Version> found;
  while (select.Step()) found.push_back({select.Int(0), select.Int(1)});
  return found;
}

struct Step {
  std::int64_t rows = 0;
  bool more = false;
};

Step RemoveSomeChunks(Connection& connection, core::Timestamp indexed_until, core::Timestamp now) {
  Step step;
  for (const auto& [id, version] : FindRetired(connection, false, indexed_until, now)) {
    step.more = true;
    step.rows += connection.Run("DELETE FROM embeddings WHERE document_id = ? AND version = ? LIMIT ?", id, version,
                                kMaxRemovedRows - step.rows);
    if (step.rows >= kMaxRemovedRows) return step;  // this version may have more of them
    sql::NoteChunksRemoved(connection, id, version);
  }
  return step;
}

Step RemoveSomeContents(Connection& connection, core::Timestamp until) {
  Step step;
  for (const auto& [id, version] : FindRetired(connection, true, until, until)) {
    step.more = true;
    step.rows += sql::RemoveRetired(connection, id, version);
    if (step.rows >= kMaxRemovedRows) return step;
  }
  return step;
}

base::Result<core::StoreIdentity> ReadIdentity(Connection& connection) {
  Statement select(connection, R"sql(
      SELECT id.value, epoch.value FROM millrace_meta id JOIN millrace_meta epoch
      WHERE id.name = 'store_id' AND epoch.name = 'epoch')sql");
  if (!select.Step()) return base::Error{base::Code::kCorrupt, "the store has no identity", {}};
  return core::StoreIdentity{select.Text(0), select.Int(1)};
}

}  // namespace

base::Result<core::StoreIdentity> Admin::Identity() { return engine_.ReadOne(ReadIdentity); }

base::Result<core::StoreIdentity> Admin::BeginEpoch() {
  return engine_.Write(engine_.CallDeadline(), [](Connection& connection) -> base::Result<core::StoreIdentity> {
    connection.Run("UPDATE millrace_meta SET value = CAST(value AS SIGNED) + 1 WHERE name = 'epoch'");
    const core::DocumentId unused = HighestId(connection) + core::kEpochGap;
    // A row that was there raises what the server gives next, and never lowers it.
    connection.Run("INSERT INTO documents(id, title, content) VALUES (?, '', '')", unused);
    connection.Run("DELETE FROM documents WHERE id = ?", unused);
    return ReadIdentity(connection);
  });
}

base::Status Admin::ClaimModel(const std::string& model) {
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Status {
    // The first process of several decides: the others wait for its row.
    connection.Run("INSERT INTO millrace_meta(name, value) VALUES ('model', ?) ON DUPLICATE KEY UPDATE value = value",
                   model);
    Statement select(connection, "SELECT value FROM millrace_meta WHERE name = 'model' FOR UPDATE");
    select.Step();
    if (select.View(0) == model) return {};
    if (connection.Int("SELECT 1 FROM embeddings WHERE vector IS NOT NULL LIMIT 1")) {
      return {base::Code::kConflict,
              fmt::format("the stored vectors are of the model {}, not of {}", select.View(0), model)};
    }
    connection.Run("DELETE FROM millrace_meta WHERE name = 'dimensions'");
    connection.Run("UPDATE millrace_meta SET value = ? WHERE name = 'model'", model);
    return {};
  });
}

base::Result<std::int64_t> Admin::RemoveExpired(core::Timestamp now) {
  std::int64_t removed = 0;
  const auto run = [&](auto body) -> base::Status {
    for (Step step{0, true}; step.more; removed += step.rows) {
      ASSIGN_OR_RETURN(step, engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Result<Step> {
        return body(connection);
      }));
    }
    return {};
  };
  RETURN_IF_ERROR(run([&](Connection& connection) {
    return RemoveSomeChunks(connection, now - engine_.options().overtaken_chunks_stay, now);
  }));
  RETURN_IF_ERROR(run([&](Connection& connection) {
    return RemoveSomeContents(connection, now - engine_.options().overtaken_contents_stay);
  }));
  RETURN_IF_ERROR(run([&](Connection& connection) {
    const std::int64_t rows = RemoveRequests(connection, now - core::kRequestKept, kMaxRemovedRows);
    return Step{rows, rows >= kMaxRemovedRows};
  }));
  return removed;
}

base::Result<std::vector<core::Stalled>> Admin::FindStalled(core::Timestamp before, core::DocumentId after,
                                                            std::size_t limit) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::Stalled>> {
    Statement select(connection, sql::kSelectStalled);
    select.Bind(after, before, before + core::kProgressBelieved, before, core::kEventsTopic, limit);
    std::vector<core::Stalled> stalled;
    while (select.Step()) stalled.push_back(sql::ReadStalled(select));
    return stalled;
  });
}

std::optional<std::int64_t> Admin::MaxContentBytes() const {
  return static_cast<std::int64_t>(engine_.max_packet()) - kPacketOverhead;
}

base::Status Admin::Probe(std::chrono::milliseconds timeout) {
  return engine_.Write(base::Deadline::After(timeout), [](Connection& connection) -> base::Status {
    connection.Run(R"sql(
        INSERT INTO millrace_meta(name, value) VALUES ('probed_at', ?) ON DUPLICATE KEY UPDATE value = VALUES(value))sql",
                   core::Now());
    return {};
  });
}

}  // namespace millrace::mysql
