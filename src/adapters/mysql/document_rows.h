#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/mysql/connection.h"
#include "core/document.h"
#include "core/document_event.h"
#include "core/log.h"
#include "core/metadata.h"
#include "core/poison_guard.h"

/// The rows of documents, as every write of this adapter reads and changes them: a batch locks its state rows, changes
/// them here, and writes each table with one statement. All of it runs inside one transaction.
namespace millrace::mysql {

class Rows;

/// A row of `document_state`, whole. Version 0: made only to be locked, of a document that nothing is known of yet.
struct StateRow {
  core::DocumentId id = 0;
  core::Version version = 0, indexed_version = 0, deleted_version = 0;
  core::Revision revision = 0;
  core::DocumentStatus status = core::DocumentStatus::kQueued;
  int attempts = 0;
  std::optional<core::Timestamp> next_attempt_at, deleted_at, created_at;
  std::optional<core::Position> position;  // of the newest message known
  std::optional<core::Timestamp> position_at;
  core::Version position_version = 0;  // which that message carried or was given
  std::int64_t chunk_count = 0;
  bool staged = false;  // a version that is not published may have chunks
  core::Timestamp progress_at;
  core::StepTimes steps;
  std::optional<core::DocumentError> error;
  std::optional<std::string> warning;
  core::RunMark mark;
  core::Version reindexed_version = 0;  // the newest one that was made by re-indexing

  bool deleted() const { return status == core::DocumentStatus::kDeleted; }

  /// Whether effects of `effects_version` may still be applied.
  bool IsOpen(core::Version effects_version) const {
    return effects_version <= version && effects_version > indexed_version && effects_version > deleted_version;
  }

  /// Nothing of its version is tried yet.
  void Requeue(core::Timestamp now) {
    status = core::DocumentStatus::kQueued;
    attempts = 0;
    next_attempt_at.reset();
    progress_at = now;
    error.reset();
    mark = {};
  }
};

using StateRows = std::map<core::DocumentId, StateRow>;
using DocumentVersion = std::pair<core::DocumentId, core::Version>;

/// Locks the state rows of `ids` in document order until the transaction ends. Those without a row are left out.
StateRows LockStates(Connection& connection, const std::set<core::DocumentId>& ids);

/// As they are now, without locks.
StateRows ReadStates(Connection& connection, const std::set<core::DocumentId>& ids);

/// The highest id of a document that is or was.
core::DocumentId HighestId(Connection& connection);

/// As LockStates; makes rows of version 0 where there are none, because only a row can be locked.
StateRows LockOrMakeStates(Connection& connection, const std::set<core::DocumentId>& ids, core::Timestamp now);

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
core::Chunking ReadChunking(const Rows& row, int first);

struct VersionRow {
  std::string title, metadata;
  core::Chunking chunking;
  std::int64_t content_bytes = 0;
  std::string content_hash, identity_hash;
};

std::map<DocumentVersion, VersionRow> FindVersions(Connection& connection, std::span<const DocumentVersion> versions);

/// The newest version of each document.
std::vector<DocumentVersion> NewestOf(const StateRows& states);

/// How many chunks of each version, which is not published, are stored; they lie without gaps from index 0 on. Versions
/// with none are left out.
std::map<DocumentVersion, std::int32_t> CountStaged(Connection& connection, const StateRows& states,
                                                    std::span<const DocumentVersion> versions);

/// `((document_id = 1 AND version = 2) OR …)`, which both servers read as ranges of an index. REQUIRES: not empty
std::string AnyOf(std::span<const DocumentVersion> versions);

/// Calls `body` with pieces that keep a statement short. (Longer lists of ids would make a server think of other plans
/// than ranges of the index, in another order of locks.)
template <typename T, typename Body>
void InPieces(std::span<const T> all, Body body) {
  constexpr std::size_t kPiece = 500;
  for (; !all.empty(); all = all.subspan(std::min(kPiece, all.size()))) body(all.first(std::min(kPiece, all.size())));
}

/// Where the message of `version` lies, for the fence and for clients. A re-indexed version keeps the time it had.
void SetPosition(StateRow& state, core::Version version, const core::Position& position, core::Timestamp timestamp);

/// Contents above this go in a statement of their own, with bound values: quoted ones may take twice their size, and a
/// statement has a limit.
constexpr std::size_t kLargeContentBytes = 1 << 20;

/// The title as `documents` shows it to other programs, in a column of 255 characters.
std::string_view ColumnTitle(std::string_view title);

/// Gathers what a transaction writes of the documents whose states it locked; Flush sends it.
class DocumentWriter {
 public:
  explicit DocumentWriter(Connection& connection);

  /// Makes `draft` the newest version: `queued`, nothing tried yet; with its event, and that of the version before when
  /// it was not indexed.
  void AddVersion(StateRow& state, const VersionDraft& draft, core::Timestamp now);

  /// The row of `documents`, where other programs read the newest version; made where there is none.
  void Rewrite(core::DocumentId id, std::string_view title, std::string_view content);

  /// Writes the row as it is at the call.
  void Save(const StateRow& state);

  /// Owes the log an event, or the message of a version, at once or after a delay.
  void AddEvent(const core::DocumentEvent& event);
  void AddUpload(core::DocumentId id, core::Version version, core::Timestamp now, std::chrono::seconds delay = {});

  /// Owes the log a record as it stands, which is a copy of `dead_letter` (0: of none).
  void AddRecord(const core::LogRecord& record, const DocumentVersion& version, core::Timestamp now,
                 core::DeadLetterId dead_letter);

  /// Takes back the messages of versions up to `up_to`, uploads and copies for another try; not those added here.
  void RemoveUploads(core::DocumentId id, core::Version up_to) { needless_[id] = up_to; }

  void Flush();

 private:
  void AddContent(core::DocumentId id, core::Version version, std::string_view content);
  void RemoveNeedless();

  Connection& connection_;
  RowInsert documents_, states_, versions_, contents_, outbox_, records_;
  std::map<core::DocumentId, core::Version> needless_;
};

/// Whoever holds several outbox rows takes them in the order of their ids, so that none waits for another in a circle.
void RemoveOutboxRows(Connection& connection, std::vector<std::int64_t> ids);

}  // namespace millrace::mysql
