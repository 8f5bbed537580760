#include "adapters/mysql/document_rows.h"

#include <fmt/core.h>

#include <algorithm>

#include "adapters/mysql/server_clock.h"
#include "base/utf8.h"
#include "core/log.h"
#include "core/record_headers.h"
#include "core/sha256.h"

namespace millrace::mysql {
namespace {

constexpr std::string_view kRewrite = " ON DUPLICATE KEY UPDATE title = VALUES(title), content = VALUES(content)";

constexpr std::string_view kInsertRecords =
    "INSERT INTO outbox(topic, document_id, version, created_at, due_at, is_record, record_key, headers, value, "
    "dead_letter) VALUES";

/// `due_at` of an outbox row, which goes by the database's clock.
constexpr core::Timestamp kAtOnce{};

core::Timestamp ServerTime(Connection& connection) {
  return core::Timestamp(std::chrono::milliseconds(connection.Int("SELECT " MILLRACE_SERVER_NOW).value_or(0)));
}

}  // namespace

std::string AnyOf(std::span<const DocumentVersion> versions) {
  std::string condition;
  for (const auto& [id, version] : versions) {
    condition += fmt::format("{}(document_id = {} AND version = {})", condition.empty() ? "(" : " OR ", id, version);
  }
  return condition += ')';
}

std::map<DocumentVersion, VersionRow> FindVersions(Connection& connection, std::span<const DocumentVersion> versions) {
  std::map<DocumentVersion, VersionRow> found;
  InPieces(versions, [&](std::span<const DocumentVersion> piece) {
    Rows rows(connection,
              "SELECT document_id, version, " MILLRACE_VERSION_COLUMNS " FROM document_versions WHERE " + AnyOf(piece));
    while (rows.Next()) found.emplace(DocumentVersion(rows.Int(0), rows.Int(1)), sql::ReadVersion(rows, 2));
  });
  return found;
}

std::vector<DocumentVersion> NewestOf(const StateRows& states) {
  std::vector<DocumentVersion> newest;
  for (const auto& [id, state] : states) newest.emplace_back(id, state.version);
  return newest;
}

std::map<DocumentVersion, std::int32_t> CountStaged(Connection& connection, const StateRows& states,
                                                    std::span<const DocumentVersion> versions) {
  std::vector<DocumentVersion> maybe;  // most documents are published in one go
  for (const DocumentVersion& version : versions) {
    if (states.at(version.first).staged) maybe.push_back(version);
  }
  std::map<DocumentVersion, std::int32_t> staged;
  InPieces(std::span<const DocumentVersion>(maybe), [&](std::span<const DocumentVersion> piece) {
    Rows rows(connection, "SELECT document_id, version, count(*) FROM embeddings WHERE " + AnyOf(piece) +
                              " GROUP BY document_id, version");
    while (rows.Next()) staged[{rows.Int(0), rows.Int(1)}] = static_cast<std::int32_t>(rows.Int(2));
  });
  return staged;
}

std::string_view ColumnTitle(std::string_view title) { return base::FirstCodePoints(title, 255); }

DocumentWriter::DocumentWriter(Connection& connection)
    : connection_(connection),
      states_(connection),
      documents_(connection, "INSERT INTO documents(id, title, content) VALUES", kRewrite),
      versions_(connection, "INSERT INTO document_versions(document_id, version, " MILLRACE_VERSION_COLUMNS ") VALUES"),
      contents_(connection, "INSERT INTO document_contents(document_id, version, part, sha256, data) VALUES"),
      outbox_(connection, "INSERT INTO outbox(topic, document_id, version, created_at, due_at, value) VALUES"),
      records_(connection, kInsertRecords) {}

void DocumentWriter::AddContent(core::DocumentId id, core::Version version, std::string_view content) {
  sql::ForEachPart(content, [&](int part, const std::string& sha256, std::string_view data) {
    contents_.Add(id, version, part, sha256, Blob{data});
  });
}

void DocumentWriter::AddVersion(StateRow& state, const VersionDraft& draft, core::Timestamp now) {
  if (!state.settled()) {
    AddEvent({state.id, state.version, state.revision, core::DocumentStatus::kSuperseded, 0, now, {}, {}});
  }
  ++state.version;
  state.Requeue(now);
  state.steps = {now, {}, {}, {}};
  state.warning.reset();
  versions_.Add(state.id, state.version, draft.title, draft.metadata, core::StrategyName(draft.chunking.strategy),
                draft.chunking.max_tokens, draft.chunking.overlap_tokens, draft.content.size(),
                core::Sha256Hex(draft.content), draft.IdentityHash());
  AddContent(state.id, state.version, draft.content);
  AddEvent({state.id, state.version, state.revision, core::DocumentStatus::kQueued, 0, now, {}, {}});
}

void DocumentWriter::Rewrite(core::DocumentId id, std::string_view title, std::string_view content) {
  if (content.size() <= kLargeContentBytes) {
    documents_.Add(id, ColumnTitle(title), content);
  } else {
    connection_.Run(fmt::format("INSERT INTO documents(id, title, content) VALUES (?, ?, ?){}", kRewrite), id,
                    ColumnTitle(title), content);
  }
}

void DocumentWriter::AddEvent(const core::DocumentEvent& event) {
  outbox_.Add(core::kEventsTopic, event.document_id, event.version, event.at, kAtOnce, core::FormatEvent(event));
}

void DocumentWriter::AddUpload(core::DocumentId id, core::Version version, core::Timestamp now,
                               std::chrono::seconds delay) {
  core::Timestamp due = kAtOnce;
  if (delay.count() > 0) due = ServerTime(connection_) + delay;
  outbox_.Add(core::kUploadsTopic, id, version, now, due, std::nullopt);
}

void DocumentWriter::AddRecord(const core::LogRecord& record, const DocumentVersion& version, core::Timestamp now,
                               core::DeadLetterId dead_letter) {
  const std::string headers = core::EncodeHeaders(record.headers);
  const auto& [document, number] = version;
  if (record.value && record.value->size() > kLargeContentBytes) {
    records_.Flush();  // in the order of the calls
    connection_.Run(fmt::format("{} (?, ?, ?, ?, ?, TRUE, ?, ?, ?, ?)", kInsertRecords), record.position.topic,
                    document, number, now, kAtOnce, AsBlob(record.key), Blob{headers}, AsBlob(record.value),
                    dead_letter);
  } else {
    records_.Add(record.position.topic, document, number, now, kAtOnce, true, AsBlob(record.key), Blob{headers},
                 AsBlob(record.value), dead_letter);
  }
}

void DocumentWriter::RemoveNeedless() {
  std::vector<core::DocumentId> documents;
  for (const auto& [id, up_to] : needless_) documents.push_back(id);
  std::vector<std::int64_t> rows;
  InPieces(std::span<const core::DocumentId>(documents), [&](std::span<const core::DocumentId> piece) {
    Rows found(connection_, fmt::format("SELECT id, document_id, version FROM outbox WHERE document_id IN {} "
                                        "AND topic NOT IN ('{}', '{}') AND version > 0",
                                        ListOf(piece), core::kEventsTopic, core::kDeadLettersTopic));
    while (found.Next()) {
      if (found.Int(2) <= needless_.at(found.Int(1))) rows.push_back(found.Int(0));
    }
  });
  RemoveOutboxRows(connection_, std::move(rows));
  needless_.clear();
}

void DocumentWriter::Flush() {
  documents_.Flush();
  states_.Flush();
  versions_.Flush();
  contents_.Flush();
  RemoveNeedless();
  outbox_.Flush();
  records_.Flush();
}

void RemoveOutboxRows(Connection& connection, std::vector<std::int64_t> ids) {
  std::sort(ids.begin(), ids.end());
  InPieces(std::span<const std::int64_t>(ids), [&](std::span<const std::int64_t> piece) {
    connection.Execute("DELETE FROM outbox WHERE id IN " + ListOf(piece));
  });
}

}  // namespace millrace::mysql
