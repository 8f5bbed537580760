#include "adapters/sqlite/idempotency.h"

#include <fmt/core.h>

#include "adapters/sql/request_rows.h"

namespace millrace::sqlite {
namespace {

struct Found {
  core::RequestRow row;
  bool any = false;
};

Found FindRequest(Connection& connection, const std::string& id) {
  Statement select(connection, R"sql(
      SELECT fingerprint, owner, begun_at, created_at, status, content_type, location, body
      FROM keyed_requests WHERE id = ?1)sql");
  Found found;
  if (!select.Bind(id).Step()) return found;
  found.any = true;
  found.row = {select.Text(0), select.Text(1), select.Time(2), select.Time(3), {}};
  if (!select.IsNull(4)) {
    found.row.answer = {static_cast<int>(select.Int(4)), select.Text(5), select.Text(6), select.Text(7)};
  }
  return found;
}

core::RequestState BeginOne(Connection& connection, const core::RequestClaim& claim, core::Timestamp now) {
  const Found found = FindRequest(connection, claim.id);
  if (!found.any || found.row.expired(now)) {
    if (found.any) sql::RemoveRequest(connection, claim.id);
    connection.Run(R"sql(
        INSERT INTO keyed_requests(id, fingerprint, owner, begun_at, created_at) VALUES (?1, ?2, ?3, ?4, ?4))sql",
                   claim.id, claim.fingerprint, claim.owner, now);
    return {};
  }
  core::RequestState state = core::Judge(found.row, claim);
  if (state.kind == core::RequestState::Kind::kOurs) {
    sql::TakeRequest(connection, claim, now);
  }
  return state;
}

void FreeRequest(Connection& connection, const std::string& id, const std::string& owner) {
  connection.Run("UPDATE keyed_requests SET owner = '' WHERE id = ?1 AND owner = ?2 AND status IS NULL", id, owner);
}

}  // namespace

base::Result<core::RequestState> RequestRows::Begin(const core::RequestClaim& claim, base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Result<core::RequestState> {
    return BeginOne(connection, claim, core::Now());
  });
}

base::Status RequestRows::Finish(const std::string& id, const std::string& owner, const core::KeptAnswer& answer,
                                 base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Status {
    if (sql::ShowsDeleted(connection, id)) {
      FreeRequest(connection, id, owner);
      return {};
    }
    connection.Run(R"sql(
        UPDATE keyed_requests SET owner = '', status = ?3, content_type = ?4, location = ?5, body = ?6
        WHERE id = ?1 AND owner = ?2 AND status IS NULL)sql",
                   id, owner, answer.status, answer.content_type, answer.location, Blob{answer.body});
    return {};
  });
}

base::Status RequestRows::Release(const std::string& id, const std::string& owner, base::Deadline deadline) {
  return engine_.writer->Run(deadline, [&](Connection& connection) -> base::Status {
    if (sql::BroughtDocuments(connection, id)) {
      FreeRequest(connection, id, owner);
    } else {
      connection.Run("DELETE FROM keyed_requests WHERE id = ?1 AND owner = ?2 AND status IS NULL", id, owner);
    }
    return {};
  });
}

base::Result<std::optional<core::Accepted>> FindAccepted(Connection& connection, const core::RequestPart& part) {
  Statement select(connection,
                   "SELECT document_id, version, kind FROM keyed_documents WHERE request = ?1 AND line = ?2");
  if (select.Bind(part.request, part.line).Step()) {
    return std::optional(core::Accepted{select.Int(0), select.Int(1), static_cast<core::AcceptKind>(select.Int(2))});
  }
  if (!connection.Int("SELECT 1 FROM keyed_requests WHERE id = ?1", part.request)) {
    return base::Error{base::Code::kConflict, fmt::format("the request {} was not begun", part.request), {}};
  }
  return std::optional<core::Accepted>();
}

void NoteAccepted(Connection& connection, const core::RequestPart& part, const core::Accepted& accepted) {
  connection.Run("INSERT INTO keyed_documents(request, line, document_id, version, kind) VALUES (?1, ?2, ?3, ?4, ?5)",
                 part.request, part.line, accepted.id, accepted.version, static_cast<int>(accepted.kind));
}

void ForgetAnswers(Connection& connection, core::DocumentId id) {
  connection.Run(R"sql(
      UPDATE keyed_requests SET status = NULL, content_type = NULL, location = NULL, body = NULL
      WHERE status IS NOT NULL AND id IN (SELECT request FROM keyed_documents WHERE document_id = ?1))sql",
                 id);
}

std::int64_t RemoveRequests(Connection& connection, core::Timestamp until, std::int64_t limit) {
  std::int64_t removed = 0;
  while (removed < limit) {
    Statement select(connection, "SELECT id FROM keyed_requests WHERE created_at <= ?1 ORDER BY created_at LIMIT 1");
    if (!select.Bind(until).Step()) break;
    removed += sql::RemoveRequest(connection, select.Text(0));
  }
  return removed;
}

}  // namespace millrace::sqlite
