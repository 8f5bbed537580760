#include "adapters/mysql/idempotency.h"

#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "adapters/mysql/rows.h"
#include "adapters/sql/request_rows.h"

namespace millrace::mysql {
namespace {

/// The row, locked until the end of the transaction.
std::optional<core::RequestRow> LockRequest(Connection& connection, const std::string& id) {
  Statement select(connection, R"sql(
      SELECT fingerprint, owner, begun_at, created_at, status, content_type, location, body
      FROM keyed_requests WHERE id = ? FOR UPDATE)sql");
  if (!select.Bind(id).Step()) return std::nullopt;
  core::RequestRow row{select.Text(0), select.Text(1), select.Time(2), select.Time(3), {}};
  if (!select.IsNull(4)) {
    row.answer = {static_cast<int>(select.Int(4)), select.Text(5), select.Text(6), select.Text(7)};
  }
  return row;
}

core::RequestState BeginOne(Connection& connection, const core::RequestClaim& claim, core::Timestamp now) {
  // Two that come at once with a new key: the second waits for the first one's row.
  connection.Run(R"sql(
      INSERT INTO keyed_requests(id, fingerprint, owner, begun_at, created_at) VALUES (?, ?, ?, ?, ?)
      ON DUPLICATE KEY UPDATE id = VALUES(id))sql",
                 claim.id, claim.fingerprint, claim.owner, now, now);
  const auto row = LockRequest(connection, claim.id);
  if (!row) throw Failure({base::Code::kInternal, "the server did not keep a request", {}});
  if (row->expired(now)) {
    connection.Run("DELETE FROM keyed_documents WHERE request = ?", claim.id);
    connection.Run(R"sql(
        UPDATE keyed_requests SET fingerprint = ?, owner = ?, begun_at = ?, created_at = ?, status = NULL,
          content_type = NULL, location = NULL, body = NULL WHERE id = ?)sql",
                   claim.fingerprint, claim.owner, now, now, claim.id);
    return {};
  }
  core::RequestState state = core::Judge(*row, claim);
  if (state.kind == core::RequestState::Kind::kOurs) {
    sql::TakeRequest(connection, claim, now);
  }
  return state;
}

bool IsHeldBy(const std::optional<core::RequestRow>& row, const std::string& owner) {
  return row && !row->answer && row->owner == owner;
}

void FreeRequest(Connection& connection, const std::string& id) {
  connection.Run("UPDATE keyed_requests SET owner = '' WHERE id = ?", id);
}

}  // namespace

base::Result<core::RequestState> RequestRows::Begin(const core::RequestClaim& claim, base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) -> base::Result<core::RequestState> {
    return BeginOne(connection, claim, core::Now());
  });
}

base::Status RequestRows::Finish(const std::string& id, const std::string& owner, const core::KeptAnswer& answer,
                                 base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) -> base::Status {
    if (!IsHeldBy(LockRequest(connection, id), owner)) return {};
    // A delete locks the same row before it ends, so one of the two sees what the other did.
    if (sql::ShowsDeleted(connection, id)) {
      FreeRequest(connection, id);
      return {};
    }
    connection.Run(R"sql(
        UPDATE keyed_requests SET owner = '', status = ?, content_type = ?, location = ?, body = ? WHERE id = ?)sql",
                   answer.status, answer.content_type, answer.location, Blob{answer.body}, id);
    return {};
  });
}

base::Status RequestRows::Release(const std::string& id, const std::string& owner, base::Deadline deadline) {
  return engine_.Write(deadline, [&](Connection& connection) -> base::Status {
    if (!IsHeldBy(LockRequest(connection, id), owner)) return {};
    if (sql::BroughtDocuments(connection, id)) {
      FreeRequest(connection, id);
    } else {
      connection.Run("DELETE FROM keyed_requests WHERE id = ?", id);
    }
    return {};
  });
}

base::Result<AcceptedParts> FindAccepted(Connection& connection, std::span<const core::NewDocument> documents) {
  struct Lines {
    std::int64_t first, last;
  };
  std::map<std::string, Lines> requests;
  for (const core::NewDocument& document : documents) {
    if (!document.part) continue;
    const std::int64_t line = document.part->line;
    Lines& lines = requests.try_emplace(document.part->request, Lines{line, line}).first->second;
    lines = {std::min(lines.first, line), std::max(lines.last, line)};
  }
  AcceptedParts found;
  for (const auto& [request, lines] : requests) {
    if (!connection.Int("SELECT 1 FROM keyed_requests WHERE id = ? FOR UPDATE", request)) {
      return base::Error{base::Code::kConflict, fmt::format("the request {} was not begun", request), {}};
    }
    Statement select(connection, R"sql(
        SELECT line, document_id, version, kind FROM keyed_documents WHERE request = ? AND line BETWEEN ? AND ?)sql");
    select.Bind(request, lines.first, lines.last);
    while (select.Step()) {
      found[{request, select.Int(0)}] = {select.Int(1), select.Int(2), static_cast<core::AcceptKind>(select.Int(3))};
    }
  }
  return found;
}

void NoteAccepted(Connection& connection, std::span<const core::NewDocument> documents,
                  std::span<const core::Accepted> accepted) {
  RowInsert insert(connection, "INSERT INTO keyed_documents(request, line, document_id, version, kind) VALUES");
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const auto& part = documents[i].part;
    if (!part) continue;
    insert.Add(part->request, part->line, accepted[i].id, accepted[i].version, static_cast<int>(accepted[i].kind));
  }
  insert.Flush();
}

void ForgetAnswers(Connection& connection, core::DocumentId id) {
  std::vector<std::string> requests;
  Statement select(connection, "SELECT DISTINCT request FROM keyed_documents WHERE document_id = ? ORDER BY request");
  select.Bind(id);
  while (select.Step()) requests.push_back(select.Text(0));
  // Also of those without an answer yet: whoever is about to keep one waits for this transaction.
  for (const std::string& request : requests) {
    connection.Run(R"sql(
        UPDATE keyed_requests SET status = NULL, content_type = NULL, location = NULL, body = NULL WHERE id = ?)sql",
                   request);
  }
}

std::int64_t RemoveRequests(Connection& connection, core::Timestamp until, std::int64_t limit) {
  std::int64_t removed = 0;
  while (removed < limit) {
    std::string id;
    {
      Statement select(connection, R"sql(
          SELECT id FROM keyed_requests WHERE created_at <= ? ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)sql");
      if (!select.Bind(until).Step()) break;
      id = select.Text(0);
    }
    removed += sql::RemoveRequest(connection, id);
  }
  return removed;
}

}  // namespace millrace::mysql
