#pragma once

#include <span>
#include <string>
#include <vector>

#include "adapters/mysql/engine.h"
#include "core/effect_store.h"

namespace millrace::mysql {

class EffectRows final : public core::EffectStore {
 public:
  explicit EffectRows(Engine& engine) : engine_(engine) {}

  base::Result<std::vector<core::WorkOrder>> Begin(std::span<const core::Work> batch, const std::string& worker,
                                                   base::Deadline deadline) override;
  base::Status Abandon(std::span<const core::DocumentId> ids, const std::string& worker,
                       base::Deadline deadline) override;
  base::Result<core::Applied> Stage(const core::Effects& part, base::Deadline deadline) override;
  base::Result<std::vector<core::Applied>> Publish(std::span<const core::Effects> batch,
                                                   base::Deadline deadline) override;
  base::Result<std::vector<core::Applied>> Fail(std::span<const core::Failure> batch, base::Deadline deadline) override;
  base::Status DeadLetter(std::span<const core::DeadLetterDraft> records, base::Deadline deadline) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
