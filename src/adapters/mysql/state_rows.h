#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "adapters/mysql/connection.h"
#include "core/document.h"
#include "core/fence.h"

/// The rows of `document_state`. A batch locks those of its documents, changes them in memory, and writes what it
/// changed with few statements. All of it runs inside one transaction.
namespace millrace::mysql {

/// A row, whole. Version 0: made only to be locked, of a document that nothing is known of yet.
struct StateRow : core::FenceState {
  std::optional<core::Timestamp> next_attempt_at, created_at;
  std::int64_t chunk_count = 0;
  bool staged = false;  // a version that is not published may have chunks
  core::Timestamp progress_at;
  core::StepTimes steps;
  std::optional<core::DocumentError> error;
  std::optional<std::string> warning;

  /// As the table has the row, or will when what is saved has been sent; none: it is new.
  std::shared_ptr<const StateRow> stored;

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

/// Locks the state rows of `ids` in document order until the transaction ends. Those without a row are left out.
StateRows LockStates(Connection& connection, const std::set<core::DocumentId>& ids);

/// As they are now, without locks.
StateRows ReadStates(Connection& connection, const std::set<core::DocumentId>& ids);

/// As LockStates; makes rows of version 0 where there are none, because only a row can be locked.
StateRows LockOrMakeStates(Connection& connection, const std::set<core::DocumentId>& ids, core::Timestamp now);

/// The highest id of a document that is or was.
core::DocumentId HighestId(Connection& connection);

/// Where the message of `version` lies, for the fence and for clients. A re-indexed version keeps the time it had.
void SetPosition(StateRow& state, core::Version version, const core::Position& position, core::Timestamp timestamp);

/// Gathers rows that were locked and changed, or are new, and writes of them what differs from the table: rows with the
/// same columns to write share a statement, which names once what they have in common.
class StateWriter {
 public:
  explicit StateWriter(Connection& connection) : connection_(connection) {}

  /// The row as it is at the call. The last call of a document counts.
  void Save(StateRow& state);

  void Flush();

 private:
  struct Saved {
    std::shared_ptr<const StateRow> before, after;
  };

  Connection& connection_;
  std::map<core::DocumentId, Saved> saved_;
};

}  // namespace millrace::mysql
