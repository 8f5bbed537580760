#pragma once

#include <vector>

#include "adapters/mysql/engine.h"
#include "core/foreign_rows.h"

namespace millrace::mysql {

class Takeover final : public core::ForeignRows {
 public:
  explicit Takeover(Engine& engine) : engine_(engine) {}

  base::Result<std::vector<core::ForeignDocument>> Find(core::Timestamp settled, core::DocumentId after,
                                                        std::size_t limit) override;
  base::Result<std::vector<core::DocumentId>> FindLeft(std::size_t limit) override;
  base::Result<bool> Adopt(const core::ForeignDocument& document, const std::vector<float>& vectors) override;
  base::Status Queue(core::DocumentId id) override;
  base::Result<std::int64_t> DeleteVanished() override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
