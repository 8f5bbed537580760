#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/mysql/document_rows.h"
#include "core/effect_store.h"

namespace millrace::mysql {

/// Decides what becomes of messages (DELIVERY §1 and §3), gives foreign ones their version, and marks what is to be
/// processed. Inside one transaction, for messages of different documents; what it writes is sent by Flush.
class Fence {
 public:
  /// Locks the documents of `batch` and reads what deciding needs.
  Fence(Connection& connection, std::span<const core::Work* const> batch, const std::string& worker,
        core::Timestamp now);

  core::WorkOrder Decide(const core::Work& work);

  void Flush();

 private:
  void LockForeign(std::span<const core::Work* const> batch);
  StateRow* FindState(core::DocumentId id);

  core::WorkOrder DecideVersion(const core::Work& work, core::Version version);
  core::WorkOrder DecideForeign(const core::Work& work);
  core::WorkOrder Mark(StateRow& state, const core::Work& work);
  core::WorkOrder Process(StateRow& state);

  Connection& connection_;
  const std::string& worker_;
  const core::Timestamp now_;
  core::DocumentId highest_foreign_ = 0;  // what an unknown id may be at most
  StateRows states_;
  std::map<DocumentVersion, VersionRow> newest_;
  std::map<DocumentVersion, std::int32_t> staged_;
  std::map<core::DeadLetterId, DocumentVersion> redriven_;  // that became this version
  std::vector<core::DeadLetterId> settled_;                 // whose redriven record has nothing left to do
  DocumentWriter writer_;
};

}  // namespace millrace::mysql
