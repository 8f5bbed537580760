#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "adapters/mysql/engine.h"
#include "core/instances.h"

namespace millrace::mysql {

/// Times are the server's, so that the clocks of the machines need not agree.
class InstanceRows final : public core::Instances {
 public:
  explicit InstanceRows(Engine& engine) : engine_(engine) {}

  base::Status Beat(const core::Instance& instance) override;
  base::Status Leave(const std::string& id) override;
  base::Result<std::vector<core::Instance>> List() override;
  base::Result<bool> Acquire(const std::string& name, const std::string& holder,
                             std::chrono::milliseconds duration) override;

 private:
  Engine& engine_;
};

/// Whether the process `id` may still be running: it showed itself within kHeartbeatExpiry. Inside a transaction.
bool Lives(Connection& connection, const std::string& id);

}  // namespace millrace::mysql
