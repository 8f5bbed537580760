#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "core/outbox.h"

namespace millrace::sqlite {

/// Leases are kept in memory: the library has one process at a time, and its leases end with it.
class OutboxRows final : public core::Outbox {
 public:
  explicit OutboxRows(Engine& engine) : engine_(engine) {}

  base::Result<std::vector<core::OutboxRow>> Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                   std::chrono::milliseconds lease) override;
  base::Status MarkSent(std::span<const core::Sent> sent) override;
  base::Status Release(std::span<const std::int64_t> rows) override;
  base::Status Requeue(core::DocumentId id, core::Version version) override;
  base::Result<core::OutboxBacklog> Backlog() override;

 private:
  Engine& engine_;
  std::mutex mutex_;
  std::map<std::int64_t, base::Deadline> leases_;  // by row
};

}  // namespace millrace::sqlite
