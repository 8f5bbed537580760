#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/sqlite/connection.h"
#include "core/document.h"
#include "core/document_event.h"
#include "core/log.h"
#include "core/metadata.h"
#include "core/poison_guard.h"

/// The rows of a document, as every write of this adapter reads and changes them. All of it runs on the writer's
/// connection, inside its transaction.
namespace millrace::sqlite {

struct StateRow {
  core::DocumentId id = 0;
  core::Version version = 0, indexed_version = 0, deleted_version = 0;
  core::Revision revision = 0;
  core::DocumentStatus status = core::DocumentStatus::kQueued;
  int attempts = 0;
  std::optional<core::Timestamp> received_at, deleted_at;
  std::optional<core::Position> position;  // of the newest message known
  core::Timestamp position_at;
  core::Version position_version = 0;  // which that message carried or was given
  core::RunMark mark;
  core::Version reindexed_version = 0;  // the newest one that was made by re-indexing

  bool deleted() const { return status == core::DocumentStatus::kDeleted; }
};

std::optional<StateRow> FindState(Connection& connection, core::DocumentId id);

/// What a client or a foreign record says a version is.
struct VersionDraft {
  std::string_view title, content;
  std::string metadata;  // JSON
  core::Chunking chunking;

  /// SHA-256 of all of it: equal documents are a no-op.
  std::string IdentityHash() const;
};

/// From the JSON of a row; throws kCorrupt.
core::Metadata ReadMetadata(std::string_view json, core::DocumentId id);

/// From three columns: strategy, max_tokens, overlap_tokens.
core::Chunking ReadChunking(const Statement& row, int first);

struct VersionRow {
  std::string title, metadata;
  core::Chunking chunking;
  std::int64_t content_bytes = 0;
  std::string content_hash, identity_hash;
};

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
