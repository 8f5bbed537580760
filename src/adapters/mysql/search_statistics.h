#pragma once

#include "adapters/mysql/engine.h"
#include "core/search_statistics.h"

namespace millrace::mysql {

class SearchTables final : public core::SearchStatistics {
 public:
  explicit SearchTables(Engine& engine) : engine_(engine) {}

  base::Status Add(const core::SearchBatch& batch) override;
  base::Result<core::SearchReport> Report(const core::SearchRange& range, std::size_t top) override;
  base::Result<std::int64_t> Forget(core::Timestamp before) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
