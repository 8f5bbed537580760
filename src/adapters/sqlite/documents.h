#pragma once

#include <span>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "core/document_store.h"

namespace millrace::sqlite {

class Documents final : public core::DocumentStore {
 public:
  explicit Documents(Engine& engine) : engine_(engine) {}

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
};

}  // namespace millrace::sqlite
