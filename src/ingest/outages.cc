#include "ingest/outages.h"

#include <fmt/core.h>

#include "base/log.h"

namespace millrace::ingest {

void Outages::Show(const std::string& dependency, bool waits) {
  const std::string name = dependency.substr(dependency.rfind(' ') + 1);
  metrics_
      .AddGauge("millrace_consumption_stopped", "1 while the pipeline waits for this dependency and takes no more.",
                {{"dependency", name}})
      .Set(waits ? 1 : 0);
}

void Outages::Begin(const std::string& dependency, const std::string& reason) {
  std::lock_guard lock(mutex_);
  Outage& outage = outages_[dependency];
  if (++outage.waiting > 1) return;
  outage.reason = reason;
  Show(dependency, true);
  base::LogWarning("{} is not available, so nothing more is processed until it is: {}", dependency, reason);
}

void Outages::End(const std::string& dependency, bool is_back) {
  std::lock_guard lock(mutex_);
  const auto found = outages_.find(dependency);
  if (--found->second.waiting > 0) return;
  outages_.erase(found);
  Show(dependency, false);
  if (is_back) base::LogInfo("{} is available again", dependency);
}

std::string Outages::Describe() const {
  std::lock_guard lock(mutex_);
  if (outages_.empty()) return {};
  const auto& [dependency, outage] = *outages_.begin();
  return fmt::format("stopped: {} is not available: {}", dependency, outage.reason);
}

}  // namespace millrace::ingest
