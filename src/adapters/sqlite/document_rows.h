#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/sql/document_rows.h"
#include "adapters/sqlite/connection.h"
#include "core/document.h"
#include "core/document_event.h"
#include "core/fence.h"
#include "core/log.h"
#include "core/version_draft.h"

/// The rows of a document, as every write of this adapter reads and changes them. All of it runs on the writer's
/// connection, inside its transaction.
namespace millrace::sqlite {

struct StateRow : core::FenceState {
  std::optional<core::Timestamp> received_at;
};

std::optional<StateRow> FindState(Connection& connection, core::DocumentId id);

using core::VersionDraft;
using sql::VersionRow;

std::optional<VersionRow> FindVersion(Connection& connection, core::DocumentId id, core::Version version);

/// Makes `draft` the newest version of a document whose `documents` row is there: its state (`queued`, nothing tried
/// yet), what it says, its content and its event; and that of the version before, when it was not indexed.
core::Version AddVersion(Connection& connection, core::DocumentId id, const std::optional<StateRow>& before,
                         const VersionDraft& draft, core::Timestamp now);

/// Where the message of `version` lies, for the fence and for clients. A re-indexed version keeps the time it had.
void StorePosition(Connection& connection, core::DocumentId id, core::Version version, const core::Position& position,
                   core::Timestamp timestamp);

/// Owes the log an event.
void AddEvent(Connection& connection, const core::DocumentEvent& event);

/// Owes the log the message of a version, at once or after a delay of kSyncUploadDelay at most.
void AddUpload(Connection& connection, core::DocumentId id, core::Version version, core::Timestamp now,
               std::chrono::seconds delay = {});

/// Owes the log a record as it stands, which is a copy of `dead_letter` (0: of none).
void AddRecord(Connection& connection, const core::LogRecord& record, core::DocumentId id, core::Version version,
               core::Timestamp now, core::DeadLetterId dead_letter);

/// Takes back the messages of versions up to `up_to`: uploads and copies for another try.
void RemoveUploads(Connection& connection, core::DocumentId id, core::Version up_to);

/// How many chunks of a version are stored; they lie without gaps from index 0 on.
std::int32_t CountStaged(Connection& connection, core::DocumentId id, core::Version version);

void RemoveChunks(Connection& connection, core::DocumentId id, core::Version version);

}  // namespace millrace::sqlite
