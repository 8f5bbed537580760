#include "main/foundation.h"

#include <fmt/core.h>

#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace millrace::app {
namespace {

constexpr auto kDatabasePatience = std::chrono::seconds(30);

base::Result<Backend> WaitForBackend(const Config& config, const StopSignals& signals) {
  base::Backoff backoff(std::chrono::milliseconds(500), std::chrono::seconds(4));
  const auto patience = base::Deadline::After(kDatabasePatience);
  while (true) {
    auto backend = OpenBackend(config);
    const bool may_come = !backend && config.cluster() && base::IsRetryable(backend.error().code);
    if (!may_come || patience.expired()) return backend;
    if (backoff.first_try()) base::LogWarning("waiting for the database: {}", backend.error().message);
    if (signals.WaitFor(backoff.Next())) return backend;
  }
}

}  // namespace

base::Result<Foundation> OpenFoundation(const Config& config, base::Metrics& metrics, const StopSignals& signals) {
  ASSIGN_OR_RETURN(Backend backend, WaitForBackend(config, signals));
  ASSIGN_OR_RETURN(Model model, OpenModel(config, metrics));
  if (auto claimed = backend.store_admin.ClaimModel(model.description); !claimed) {
    base::Error error = std::move(claimed).error();
    if (error.code == base::Code::kConflict) {
      error.message +=
          fmt::format("; start with that one, or ingest into another {}", config.cluster() ? "database" : "--data");
    }
    return error;
  }
  ASSIGN_OR_RETURN(core::StoreIdentity identity, backend.store_admin.Identity());
  return Foundation{std::move(backend), std::move(model), std::move(identity)};
}

std::unique_ptr<ingest::CacheKeeper> MakeCacheKeeper(const Backend& backend, const std::string& holder,
                                                     base::Metrics& metrics) {
  if (backend.cache == nullptr) return nullptr;
  return std::make_unique<ingest::CacheKeeper>(
      ingest::CacheKeeper::Ports{*backend.cache, backend.index_feed, backend.instances}, holder, metrics);
}

std::map<std::string, admin::Probe> ProbesOf(const Config& config, const Backend& backend, admin::Probe store,
                                             admin::Probe schema_registry) {
  const admin::Probe no_cache = [](std::chrono::milliseconds) -> base::Status {
    return {base::Code::kUnavailable, "REDIS_HOST is not set"};
  };
  const admin::Probe cache = backend.probe_cache ? backend.probe_cache : config.cluster() ? no_cache : store;
  std::map<std::string, admin::Probe> probes{
      {"redis", cache}, {"mysql", store}, {"kafka", backend.probe_log ? backend.probe_log : store}};
  if (schema_registry) probes["schema_registry"] = std::move(schema_registry);
  return probes;
}

std::function<std::vector<http::ConfigSetting>()> ShownSettings(const LoadedConfig& loaded) {
  return [in_force = loaded.settings] {
    std::vector<http::ConfigSetting> shown;
    for (const SettingInForce& setting : in_force) shown.push_back({setting.name, setting.value, setting.source});
    return shown;
  };
}

std::string PlacesOf(const Config& config) {
  if (config.cluster()) {
    return fmt::format(
        "Kafka {}, MySQL {}:{}/{}, {}", config.kafka_bootstrap_servers, config.mysql_host, config.mysql_port,
        config.mysql_database,
        config.redis_host.empty() ? "no Redis" : fmt::format("Redis {}:{}", config.redis_host, config.redis_port));
  }
  return config.ephemeral ? "in memory: everything is lost at the end" : "data in " + config.data;
}

}  // namespace millrace::app
