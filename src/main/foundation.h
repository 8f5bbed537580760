#pragma once

#include "base/metrics.h"
#include "base/result.h"
#include "core/store_admin.h"
#include "http/services.h"
#include "ingest/cache_keeper.h"
#include "main/backend.h"
#include "main/model.h"
#include "main/process.h"

namespace millrace::app {

/// What `serve` and `worker` stand on.
struct Foundation {
  Backend backend;
  Model model;
  core::StoreIdentity identity;
};

/// Opens it all. A database that does not answer yet is waited for, half a minute at most.
base::Result<Foundation> OpenFoundation(const Config& config, base::Metrics& metrics, const StopSignals& signals);

/// What keeps the cache equal to the store, as the process `holder`; none where there is no cache.
std::unique_ptr<ingest::CacheKeeper> MakeCacheKeeper(const Backend& backend, const std::string& holder,
                                                     base::Metrics& metrics);

/// What `/health` asks, by name. `store` is asked for every part that lives in it; `schema_registry`: none without one.
std::map<std::string, admin::Probe> ProbesOf(const Config& config, const Backend& backend, admin::Probe store,
                                             admin::Probe schema_registry);

/// The settings in force as HTTP shows them.
std::function<std::vector<http::ConfigSetting>()> ShownSettings(const LoadedConfig& loaded);

/// `millrace … : MySQL at …` for the log: where everything is.
std::string PlacesOf(const Config& config);

}  // namespace millrace::app
