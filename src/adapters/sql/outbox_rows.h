#pragma once

#include <string_view>
#include <utility>

#include "core/document.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/record_headers.h"

/// What both databases say alike of the outbox; see document_rows.h.
namespace millrace::sql {

/// The columns, in this order: id, topic, document_id, version, created_at, is_record, key, headers, value. Events are
/// kept by their value alone; an upload has none, its message is built from the document.
template <typename Row>
core::OutboxRow ReadOutboxRow(const Row& row) {
  core::OutboxRow owed;
  owed.id = row.Int(0);
  owed.topic = row.Text(1);
  owed.document_id = row.Int(2);
  owed.version = row.Int(3);
  owed.created_at = row.Time(4);
  const bool is_record = row.Int(5) != 0;
  if (!is_record && row.IsNull(8)) return owed;
  core::LogRecord& record = owed.record.emplace();
  record.position.topic = owed.topic;
  record.key = is_record ? row.OptionalText(6) : core::DocumentKey(owed.document_id);
  record.value = row.OptionalText(8);
  if (!is_record) return owed;
  auto headers = core::DecodeHeaders(row.View(7));
  if (!headers) throw typename Row::Failure(headers.error());
  record.headers = *std::move(headers);
  return owed;
}

/// How many rows wait for the log, and since when the first one does.
constexpr std::string_view kSelectBacklog =
    "SELECT count(*), (SELECT created_at FROM outbox ORDER BY id LIMIT 1) FROM outbox";

}  // namespace millrace::sql
