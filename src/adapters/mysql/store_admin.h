#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "adapters/mysql/engine.h"
#include "core/store_admin.h"

namespace millrace::mysql {

class Admin final : public core::StoreAdmin {
 public:
  explicit Admin(Engine& engine) : engine_(engine) {}

  base::Result<core::StoreIdentity> Identity() override;
  base::Result<core::StoreIdentity> BeginEpoch() override;
  base::Status ClaimModel(const std::string& model) override;
  base::Result<std::int64_t> RemoveExpired(core::Timestamp now) override;
  base::Result<std::vector<core::Stalled>> FindStalled(core::Timestamp before, core::DocumentId after,
                                                       std::size_t limit) override;
  std::optional<std::int64_t> MaxContentBytes() const override;
  base::Status Probe(std::chrono::milliseconds timeout) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
