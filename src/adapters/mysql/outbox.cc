#include "adapters/mysql/outbox.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/rows.h"
#include "adapters/mysql/server_clock.h"
#include "adapters/sql/dead_letter_rows.h"
#include "adapters/sql/outbox_rows.h"
#include "core/document_event.h"
#include "core/log.h"

namespace millrace::mysql {
namespace {

/// Due, free, and the oldest unsent one of its document and topic. In the order of the primary key, so that it ends at
/// the limit however many wait; rows that another relay claims at this moment are passed over. An older row of a
/// document is never added later: whoever adds one holds the document's state.
constexpr std::string_view kClaimable = R"sql(
    SELECT o.id, o.topic, o.document_id, o.version, o.created_at, o.is_record, o.record_key, o.headers, o.value
    FROM outbox o FORCE INDEX(PRIMARY)
    WHERE o.due_at <= )sql" MILLRACE_SERVER_NOW R"sql( AND o.leased_until <= )sql" MILLRACE_SERVER_NOW R"sql(
      AND (o.document_id = 0
           OR NOT EXISTS (SELECT 1 FROM outbox older FORCE INDEX(outbox_by_document)
                          WHERE older.document_id = o.document_id AND older.topic = o.topic AND older.id < o.id))
    ORDER BY o.id LIMIT {} FOR UPDATE SKIP LOCKED)sql";

/// Leases change a row in place, without its length: a claim is as cheap as it can be.
std::int64_t RandomClaimer() {
  std::random_device random;
  return std::uniform_int_distribution<std::int64_t>(1)(random);
}

std::vector<core::OutboxRow> FindClaimable(Connection& connection, std::size_t limit) {
  Rows rows(connection, fmt::format(kClaimable, limit));
  std::vector<core::OutboxRow> found;
  while (rows.Next()) found.push_back(sql::ReadOutboxRow(rows));
  return found;
}

using Contents = std::map<DocumentVersion, std::string>;

Contents ReadContents(Connection& connection, std::span<const DocumentVersion> versions) {
  Contents contents;
  InPieces(versions, [&](std::span<const DocumentVersion> piece) {
    Rows rows(connection, "SELECT document_id, version, data FROM document_contents WHERE " + AnyOf(piece) +
                              " ORDER BY document_id, version, part");
    while (rows.Next()) contents[{rows.Int(0), rows.Int(1)}] += rows.View(2);
  });
  return contents;
}

/// Uploads that get no message now, ascending.
struct LeftOut {
  std::vector<std::int64_t> needless;  // nor ever: overtaken, indexed or deleted
  std::vector<std::int64_t> unseen;    // what they are about is not visible yet
};

/// Fills in what the relay builds messages from. The rows were read with locks, the rest is not: MariaDB shows what a
/// transaction added to a reader that locks a moment before it shows it to others (its trx_t::commit_in_memory changes
/// the state, and only then leaves the set that snapshots are made of). So a row whose document does not show its
/// version yet is not needless; where it does, all else that was committed with it is visible, too.
LeftOut CompleteUploads(Connection& connection, std::span<core::OutboxRow* const> uploads,
                        std::size_t max_inline_bytes) {
  std::set<core::DocumentId> documents;
  std::vector<DocumentVersion> versions;
  for (const core::OutboxRow* row : uploads) {
    documents.insert(row->document_id);
    versions.emplace_back(row->document_id, row->version);
  }
  const StateRows states = ReadStates(connection, documents);
  const auto known = FindVersions(connection, versions);
  std::vector<DocumentVersion> inline_versions;
  LeftOut left_out;
  for (core::OutboxRow* row : uploads) {
    const auto state = states.find(row->document_id);
    const auto version = known.find({row->document_id, row->version});
    if (state == states.end() || state->second.version < row->version) {
      left_out.unseen.push_back(row->id);
      continue;
    }
    if (!state->second.IsOpen(row->version) || version == known.end()) {
      left_out.needless.push_back(row->id);
      continue;
    }
    row->title = version->second.title;
    row->content_bytes = version->second.content_bytes;
    row->content_hash = version->second.content_hash;
    if (row->content_bytes <= static_cast<std::int64_t>(max_inline_bytes)) inline_versions.push_back(version->first);
  }
  Contents contents = ReadContents(connection, inline_versions);
  for (core::OutboxRow* row : uploads) {
    const auto content = contents.find({row->document_id, row->version});
    if (content != contents.end()) row->content = std::move(content->second);
  }
  return left_out;
}

std::vector<std::int64_t> IdsOf(const std::vector<core::OutboxRow>& rows) {
  std::vector<std::int64_t> ids;
  for (const core::OutboxRow& row : rows) ids.push_back(row.id);
  return ids;
}

std::vector<core::OutboxRow> ClaimSome(Connection& connection, std::size_t limit, std::size_t max_inline_bytes,
                                       std::chrono::milliseconds lease, std::int64_t claimer) {
  std::vector<core::OutboxRow> rows = FindClaimable(connection, limit);
  std::vector<core::OutboxRow*> uploads;
  for (core::OutboxRow& row : rows) {
    if (!row.record) uploads.push_back(&row);
  }
  const LeftOut left_out = CompleteUploads(connection, uploads, max_inline_bytes);
  RemoveOutboxRows(connection, left_out.needless);
  const auto among = [](const std::vector<std::int64_t>& ids, std::int64_t id) {
    return std::binary_search(ids.begin(), ids.end(), id);  // they came in the order of ids
  };
  std::erase_if(rows, [&](const core::OutboxRow& row) {
    return among(left_out.needless, row.id) || among(left_out.unseen, row.id);
  });
  const std::vector<std::int64_t> claimed = IdsOf(rows);
  InPieces(std::span(claimed), [&](std::span<const std::int64_t> piece) {
    connection.Execute(fmt::format("UPDATE outbox SET leased_until = " MILLRACE_SERVER_NOW
                                   " + {}, leased_by = {} WHERE id IN {}",
                                   lease.count(), claimer, ListOf(piece)));
  });
  return rows;
}

/// What the log now holds of a report: uploads by their document, and the copies of dead letters.
struct Delivered {
  std::map<core::DocumentId, std::pair<core::Version, const core::Sent*>> uploads;
  std::map<core::DeadLetterId, const core::Sent*> copies;
};

Delivered FindDelivered(Connection& connection, const std::map<std::int64_t, const core::Sent*>& sent) {
  std::vector<std::int64_t> ids;
  for (const auto& [id, one] : sent) ids.push_back(id);
  Delivered delivered;
  InPieces(std::span<const std::int64_t>(ids), [&](std::span<const std::int64_t> piece) {
    Rows rows(connection, fmt::format("SELECT id, document_id, version, dead_letter FROM outbox WHERE id IN {} "
                                      "AND (dead_letter > 0 OR (topic = '{}' AND NOT is_record))",
                                      ListOf(piece), core::kUploadsTopic));
    while (rows.Next()) {
      const core::Sent* const one = sent.at(rows.Int(0));
      if (rows.Int(3) > 0) {
        delivered.copies[rows.Int(3)] = one;
        continue;
      }
      auto& newest = delivered.uploads[rows.Int(1)];
      if (rows.Int(2) >= newest.first) newest = {rows.Int(2), one};
    }
  });
  return delivered;
}

/// Keeps where uploads lie, for documents that have no newer version yet.
void StorePositions(Connection& connection, const decltype(Delivered::uploads)& uploads) {
  std::set<core::DocumentId> documents;
  for (const auto& [id, upload] : uploads) documents.insert(id);
  const core::Timestamp now = core::Now();
  DocumentWriter writer(connection);
  for (auto& [id, state] : LockStates(connection, documents)) {
    const auto& [version, one] = uploads.at(id);
    if (state.version != version || state.deleted()) continue;
    SetPosition(state, version, one->position, now);
    state.progress_at = now;
    writer.Save(state);
  }
  writer.Flush();
}

base::Status RequeueOne(Connection& connection, core::DocumentId id, core::Version version) {
  const StateRows states = LockStates(connection, {id});
  if (states.empty() || states.at(id).version != version || !states.at(id).IsOpen(version)) return {};
  if (connection.Int("SELECT id FROM outbox WHERE document_id = ? AND topic = ? AND version = ?", id,
                     core::kUploadsTopic, version)) {
    return {};
  }
  DocumentWriter writer(connection);
  writer.AddUpload(id, version, core::Now());
  writer.Flush();
  return {};
}

}  // namespace

OutboxRows::OutboxRows(Engine& engine) : engine_(engine), claimer_(RandomClaimer()) {}

base::Result<std::vector<core::OutboxRow>> OutboxRows::Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                             std::chrono::milliseconds lease) {
  return engine_.Write(engine_.CallDeadline(),
                       [&](Connection& connection) -> base::Result<std::vector<core::OutboxRow>> {
                         return ClaimSome(connection, limit, max_inline_bytes, lease, claimer_);
                       });
}

base::Status OutboxRows::MarkSent(std::span<const core::Sent> sent) {
  if (sent.empty()) return {};
  std::map<std::int64_t, const core::Sent*> by_row;
  for (const core::Sent& one : sent) by_row[one.row] = &one;
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Status {
    const Delivered delivered = FindDelivered(connection, by_row);
    StorePositions(connection, delivered.uploads);
    std::vector<std::int64_t> rows;
    for (const auto& [id, one] : by_row) rows.push_back(id);
    RemoveOutboxRows(connection, std::move(rows));
    for (const auto& [letter, one] : delivered.copies) sql::StoreCopyPosition(connection, letter, one->position);
    return {};
  });
}

base::Status OutboxRows::Release(std::span<const std::int64_t> rows) {
  if (rows.empty()) return {};
  std::vector<std::int64_t> ascending(rows.begin(), rows.end());
  std::sort(ascending.begin(), ascending.end());
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Status {
    InPieces(std::span<const std::int64_t>(ascending), [&](std::span<const std::int64_t> piece) {
      connection.Execute(
          fmt::format("UPDATE outbox SET leased_until = 0 WHERE id IN {} AND leased_by = {}", ListOf(piece), claimer_));
    });
    return {};
  });
}

base::Status OutboxRows::Requeue(core::DocumentId id, core::Version version) {
  return engine_.Write(engine_.CallDeadline(),
                       [&](Connection& connection) { return RequeueOne(connection, id, version); });
}

base::Result<core::OutboxBacklog> OutboxRows::Backlog() {
  return engine_.ReadOne([](Connection& connection) -> base::Result<core::OutboxBacklog> {
    Rows rows(connection, sql::kSelectBacklog);
    rows.Next();
    return core::OutboxBacklog{rows.Int(0), rows.OptionalTime(1)};
  });
}

}  // namespace millrace::mysql
