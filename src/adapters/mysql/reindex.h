#pragma once

#include "adapters/mysql/engine.h"
#include "core/reindex.h"

namespace millrace::mysql {

class ReindexRows final : public core::Reindexer {
 public:
  explicit ReindexRows(Engine& engine) : engine_(engine) {}

  base::Result<std::int64_t> Count(const core::ReindexQuery& query) override;
  base::Result<core::ReindexBatch> Reindex(const core::ReindexQuery& query, base::Deadline deadline) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
