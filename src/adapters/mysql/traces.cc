#include "adapters/mysql/traces.h"

#include <fmt/core.h>

#include <string>

#include "adapters/mysql/rows.h"
#include "adapters/sql/trace_rows.h"
#include "core/log.h"

namespace millrace::mysql {
base::Result<core::DocumentTraces> Traces::Find(core::DocumentId id) {
  return engine_.Read([&](Connection& connection) -> base::Result<core::DocumentTraces> {
    core::DocumentTraces traces;
    Rows state(connection, fmt::format(sql::kSelectStateTraces, id));
    const bool known = state.Next();
    if (known) {
      traces.deleted = state.Int(0) != 0;
      sql::AddRecord(state, 1, traces);
    }
    Rows counts(connection, fmt::format(R"sql(
        SELECT (SELECT count(*) FROM documents WHERE id = {0}) +
               (SELECT count(*) FROM document_versions WHERE document_id = {0}),
               (SELECT count(*) FROM document_contents WHERE document_id = {0}),
               (SELECT count(*) FROM embeddings WHERE document_id = {0}),
               (SELECT count(*) FROM outbox WHERE document_id = {0} AND topic <> '{1}'),
               (SELECT count(*) FROM outbox WHERE document_id = {0} AND topic = '{1}'),
               (SELECT count(DISTINCT r.id) FROM keyed_documents d JOIN keyed_requests r ON r.id = d.request
                WHERE d.document_id = {0} AND r.status IS NOT NULL))sql",
                                        id, core::kEventsTopic));
    counts.Next();
    traces.documents = counts.Int(0);
    traces.contents = counts.Int(1);
    traces.chunks = counts.Int(2);
    traces.outbox = counts.Int(3);
    traces.events = counts.Int(4);
    traces.answers = counts.Int(5);
    // A row of another program has no state yet.
    if (!known && traces.documents == 0) {
      return base::Error{base::Code::kNotFound, fmt::format("there is no document {}", id), {}};
    }
    Rows letters(connection, fmt::format(sql::kSelectLetterTraces, id));
    while (letters.Next()) {
      ++traces.dead_letters;
      sql::AddRecord(letters, 0, traces);
      sql::AddRecord(letters, 4, traces);
    }
    return traces;
  });
}

}  // namespace millrace::mysql
