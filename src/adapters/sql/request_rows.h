#pragma once

#include <cstdint>
#include <string>

#include "core/document.h"
#include "core/idempotency.h"

/// What both databases say alike of requests with an idempotency key; see document_rows.h.
namespace millrace::sql {

template <typename Connection>
void TakeRequest(Connection& connection, const core::RequestClaim& claim, core::Timestamp now) {
  connection.Run("UPDATE keyed_requests SET owner = ?, begun_at = ? WHERE id = ?", claim.owner, now, claim.id);
}

/// Whether its answer would show a document that was deleted meanwhile.
template <typename Connection>
bool ShowsDeleted(Connection& connection, const std::string& id) {
  return connection
      .Int(R"sql(
          SELECT 1 FROM keyed_documents k JOIN document_state s ON s.document_id = k.document_id
          WHERE k.request = ? AND s.status = 'deleted' LIMIT 1)sql",
           id)
      .has_value();
}

template <typename Connection>
bool BroughtDocuments(Connection& connection, const std::string& id) {
  return connection.Int("SELECT 1 FROM keyed_documents WHERE request = ? LIMIT 1", id).has_value();
}

/// How many rows went.
template <typename Connection>
std::int64_t RemoveRequest(Connection& connection, const std::string& id) {
  const std::int64_t documents = connection.Run("DELETE FROM keyed_documents WHERE request = ?", id);
  return documents + connection.Run("DELETE FROM keyed_requests WHERE id = ?", id);
}

}  // namespace millrace::sql
