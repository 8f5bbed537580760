#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "adapters/mysql/engine.h"
#include "core/outbox.h"

namespace millrace::mysql {

class OutboxRows final : public core::Outbox {
 public:
  explicit OutboxRows(Engine& engine);

  base::Result<std::vector<core::OutboxRow>> Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                   std::chrono::milliseconds lease) override;
  base::Status MarkSent(std::span<const core::Sent> sent) override;
  base::Status Release(std::span<const std::int64_t> rows) override;
  base::Status Requeue(core::DocumentId id, core::Version version) override;
  base::Result<core::OutboxBacklog> Backlog() override;

 private:
  Engine& engine_;
  const std::int64_t claimer_;  // whose leases Release may end
};

}  // namespace millrace::mysql
