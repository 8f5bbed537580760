#pragma once

#include "adapters/sqlite/engine.h"
#include "core/search_statistics.h"

namespace millrace::sqlite {

class SearchRows final : public core::SearchStatistics {
 public:
  explicit SearchRows(Engine& engine) : engine_(engine) {}

  base::Status Add(const core::SearchBatch& batch) override;
  base::Result<core::SearchReport> Report(const core::SearchRange& range, std::size_t top) override;
  base::Result<std::int64_t> Forget(core::Timestamp before) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::sqlite
