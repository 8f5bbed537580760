#include "adapters/memory/instance_table.h"

#include <algorithm>
#include <tuple>

namespace millrace::memory {

base::Status InstanceTable::Beat(const core::Instance& instance) {
  std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::erase_if(instances_, [now](const auto& entry) { return entry.second.until <= now; });
  Beating& beating = instances_[instance.id];
  beating = {instance, now + core::kHeartbeatExpiry};
  beating.instance.heartbeat = core::Now();
  return {};
}

base::Status InstanceTable::Leave(const std::string& id) {
  std::lock_guard lock(mutex_);
  instances_.erase(id);
  return {};
}

base::Result<std::vector<core::Instance>> InstanceTable::List() {
  std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  std::vector<core::Instance> live;
  for (const auto& [id, beating] : instances_) {
    if (beating.until > now) live.push_back(beating.instance);
  }
  std::sort(live.begin(), live.end(), [](const core::Instance& a, const core::Instance& b) {
    return std::tie(a.role, a.started_at, a.id) < std::tie(b.role, b.started_at, b.id);
  });
  return live;
}

base::Result<bool> InstanceTable::Acquire(const std::string& name, const std::string& holder,
                                          std::chrono::milliseconds duration) {
  std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  const auto [found, free] = leases_.try_emplace(name);
  Lease& lease = found->second;
  if (!free && lease.holder != holder && lease.until > now) return false;
  lease = {holder, now + duration};
  return true;
}

}  // namespace millrace::memory
