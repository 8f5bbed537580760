#pragma once

#include <span>
#include <vector>

#include "adapters/mysql/accept_groups.h"
#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/engine.h"
#include "core/document_store.h"

namespace millrace::mysql {

/// Leaves the tombstone of a document whose state row is locked, adds its event, removes all else.
void RemoveDocument(Connection& connection, StateRow& state, core::Timestamp now);

/// Rows of `documents` without state are another program's: they show as `queued`, version 0, until they are adopted or
/// processed (DELIVERY §8).
class Documents final : public core::DocumentStore {
 public:
  explicit Documents(Engine& engine);

  base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument> documents,
                                                   base::Deadline deadline) override;
  base::Status Delete(core::DocumentId id, base::Deadline deadline) override;
  base::Result<core::DocumentRecord> Get(core::DocumentId id) override;
  base::Result<std::vector<core::DocumentRecord>> List(const core::DocumentQuery& query) override;
  base::Result<std::vector<core::KeptVersion>> ListVersions(core::DocumentId id, core::Version before,
                                                            std::size_t limit) override;
  base::Result<core::StoreCounts> Counts() override;

 private:
  Engine& engine_;
  AcceptGroups groups_;
};

}  // namespace millrace::mysql
