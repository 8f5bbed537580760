#pragma once

#include <optional>

#include "base/result.h"
#include "core/document.h"
#include "core/effect_store.h"
#include "core/log.h"
#include "core/poison_guard.h"

/// What may still be done to a document (DELIVERY §1, §3 and §4), as pure rules: a store reads the state, asks here,
/// and writes, all in one transaction.
namespace millrace::core {

/// A foreign id may lie this far above the highest known one; beyond, it is a mistake that would use up the ids.
inline constexpr DocumentId kMaxForeignGap = 10'000'000;

/// Of a document's state, what its fence decides by. Version 0: nothing is known of the document yet.
struct FenceState {
  DocumentId id = 0;
  Version version = 0, indexed_version = 0, deleted_version = 0;
  Revision revision = 0;
  DocumentStatus status = DocumentStatus::kQueued;
  int attempts = 0;
  std::optional<Timestamp> deleted_at;
  std::optional<Position> position;  // of the newest message known
  std::optional<Timestamp> position_at;
  Version position_version = 0;  // which that message carried or was given
  RunMark mark;
  Version reindexed_version = 0;  // the newest one that was made by re-indexing

  bool deleted() const { return status == DocumentStatus::kDeleted; }
  bool failed() const { return status == DocumentStatus::kFailed || status == DocumentStatus::kDeadLettered; }

  /// Whether effects of `effects_version` may still be applied.
  bool IsOpen(Version effects_version) const {
    return effects_version <= version && effects_version > indexed_version && effects_version > deleted_version;
  }

  /// Whether the newest version needs no worker: it is indexed or deleted.
  bool settled() const { return !IsOpen(version); }
};

/// What is to be said of a record of `version` without running it; nothing: it is of the newest one, which is open.
/// `state`: none where nothing is known of document `id`.
std::optional<WorkOrder> FenceVersion(const FenceState* state, DocumentId id, Version version);

/// What a foreign record is to the document that it names.
enum class ForeignPlace {
  kSame,        // the newest record known, read again: of `position_version`
  kDeleted,     // the document was deleted after it was written
  kSuperseded,  // a newer one is known
  kNewest,      // its text is the document's
};
ForeignPlace PlaceForeign(const FenceState& state, const Work& work);

/// For an id that is not within 1 … `highest`.
WorkOrder RefuseForeign(DocumentId id, DocumentId highest);

/// Whether a dead letter's version may be taken up again (0: its record became none yet). kConflict, and why, when not.
base::Status CheckRedrive(const FenceState* state, DocumentId id, Version version);

}  // namespace millrace::core
