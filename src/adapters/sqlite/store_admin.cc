#include "adapters/sqlite/store_admin.h"

#include <fmt/core.h>

#include "adapters/sqlite/document_rows.h"
#include "adapters/sqlite/epoch.h"
#include "adapters/sqlite/idempotency.h"
#include "core/log.h"

namespace millrace::sqlite {
namespace {

struct Version {
  core::DocumentId document_id;
  core::Version version;
};

std::vector<Version> FindRetired(Connection& connection, bool chunks_removed, core::Timestamp indexed_until,
                                 core::Timestamp never_indexed_until) {
  Statement select(connection, R"sql(
      SELECT document_id, version FROM retired_versions
      WHERE chunks_removed = ?1 AND retired_at <= CASE WHEN was_indexed THEN ?2 ELSE ?3 END LIMIT 100)sql");
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
    step.rows += connection.Run(R"sql(
        DELETE FROM chunks WHERE id IN (SELECT id FROM chunks WHERE document_id = ?1 AND version = ?2 LIMIT ?3))sql",
                                id, version, kMaxRemovedRows - step.rows);
    if (step.rows >= kMaxRemovedRows) return step;  // this version may have more of them
    connection.Run("DELETE FROM vectors WHERE document_id = ?1 AND version = ?2", id, version);
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

}  // namespace

base::Result<core::StoreIdentity> Admin::Identity() { return engine_.readers->Read(ReadIdentity); }

base::Result<core::StoreIdentity> Admin::BeginEpoch() {
  return engine_.writer->Run(engine_.WriteDeadline(), sqlite::BeginEpoch);
}

base::Status Admin::ClaimModel(const std::string& model) {
  return engine_.writer->Run(engine_.WriteDeadline(), [&](Connection& connection) -> base::Status {
    Statement select(connection, "SELECT value FROM meta WHERE name = 'model'");
    const bool claimed = select.Step();
    if (claimed && select.View(0) == model) return {};
    if (claimed && connection.Int("SELECT 1 FROM vectors LIMIT 1")) {
      return {base::Code::kConflict,
              fmt::format("the stored vectors are of the model {}, not of {}", select.View(0), model)};
    }
    connection.Run("DELETE FROM meta WHERE name = 'dimensions' AND NOT EXISTS (SELECT 1 FROM vectors)");
    connection.Run("INSERT OR REPLACE INTO meta(name, value) VALUES ('model', ?1)", model);
    return {};
  });
}

base::Result<std::int64_t> Admin::RemoveExpired(core::Timestamp now) {
  std::int64_t removed = 0;
  const auto run = [&](auto body) -> base::Status {
    for (Step step{0, true}; step.more; removed += step.rows) {
      ASSIGN_OR_RETURN(
          step, engine_.writer->Run(engine_.WriteDeadline(),
                                    [&](Connection& connection) -> base::Result<Step> { return body(connection); }));
    }
    return {};
  };
  RETURN_IF_ERROR(run([&](Connection& connection) {
    return RemoveSomeChunks(connection, now - engine_.options.overtaken_chunks_stay, now);
  }));
  RETURN_IF_ERROR(run([&](Connection& connection) {
    return RemoveSomeContents(connection, now - engine_.options.overtaken_contents_stay);
  }));
  RETURN_IF_ERROR(run([&](Connection& connection) {
    const std::int64_t rows = RemoveRequests(connection, now - core::kRequestKept, kMaxRemovedRows);
    return Step{rows, rows >= kMaxRemovedRows};
  }));
  return removed;
}

base::Result<std::vector<core::Stalled>> Admin::FindStalled(core::Timestamp before, core::DocumentId after,
                                                            std::size_t limit) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<std::vector<core::Stalled>> {
    Statement select(connection, sql::kSelectStalled);
    select.Bind(after, before, before + core::kProgressBelieved, before, core::kEventsTopic, limit);
    std::vector<core::Stalled> stalled;
    while (select.Step()) stalled.push_back(sql::ReadStalled(select));
    return stalled;
  });
}

base::Status Admin::Probe(std::chrono::milliseconds timeout) {
  return engine_.writer->Run(base::Deadline::After(timeout), [](Connection& connection) -> base::Status {
    connection.Run("INSERT OR REPLACE INTO meta(name, value) VALUES ('probed_at', ?1)", core::Now());
    return {};
  });
}

}  // namespace millrace::sqlite
