#include "adapters/sqlite/traces.h"

#include <fmt/core.h>

#include <algorithm>

#include "adapters/sql/trace_rows.h"
#include "core/log.h"

namespace millrace::sqlite {
base::Result<core::DocumentTraces> Traces::Find(core::DocumentId id) {
  return engine_.readers->Read([&](Connection& connection) -> base::Result<core::DocumentTraces> {
    Statement state(connection, fmt::format(sql::kSelectStateTraces, "?1"));
    if (!state.Bind(id).Step()) {
      return base::Error{base::Code::kNotFound, fmt::format("there is no document {}", id), {}};
    }
    core::DocumentTraces traces;
    traces.deleted = state.Int(0) != 0;
    sql::AddRecord(state, 1, traces);

    Statement counts(connection, R"sql(
        SELECT (SELECT count(*) FROM documents WHERE id = ?1) +
               (SELECT count(*) FROM document_versions WHERE document_id = ?1),
               (SELECT count(*) FROM document_contents WHERE document_id = ?1),
               (SELECT count(*) FROM chunks WHERE document_id = ?1),
               (SELECT count(*) FROM vectors WHERE document_id = ?1),
               (SELECT count(*) FROM outbox WHERE document_id = ?1 AND topic <> ?2),
               (SELECT count(*) FROM outbox WHERE document_id = ?1 AND topic = ?2),
               (SELECT count(DISTINCT r.id) FROM keyed_documents d JOIN keyed_requests r ON r.id = d.request
                WHERE d.document_id = ?1 AND r.status IS NOT NULL))sql");
    counts.Bind(id, core::kEventsTopic).Step();
    traces.documents = counts.Int(0);
    traces.contents = counts.Int(1);
    traces.chunks = std::max(counts.Int(2), counts.Int(3));  // vectors are kept many to a row
    traces.outbox = counts.Int(4);
    traces.events = counts.Int(5);
    traces.answers = counts.Int(6);

    Statement letters(connection, fmt::format(sql::kSelectLetterTraces, "?1"));
    letters.Bind(id);
    while (letters.Step()) {
      ++traces.dead_letters;
      sql::AddRecord(letters, 0, traces);
      sql::AddRecord(letters, 4, traces);
    }
    return traces;
  });
}

}  // namespace millrace::sqlite
