#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/pipeline_history.h"
#include "admin/status.h"
#include "base/metrics.h"
#include "core/document_store.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/search_statistics.h"
#include "http/router.h"
#include "ingest/dead_letter_service.h"
#include "ingest/intake.h"
#include "ingest/keyed_requests.h"
#include "ingest/reindex_service.h"
#include "ingest/replay_service.h"
#include "ingest/verified_delete.h"
#include "search/event_hub.h"
#include "search/search.h"

namespace millrace::http {

struct ConfigSetting {
  std::string name;
  std::string value;   // secrets as `***`
  std::string source;  // `default`, `file`, `environment` or `flag`
};

/// The log, as topics and groups are looked at and worked on.
struct LogServices {
  core::LogAdmin& topics;
  core::GroupAdmin& groups;
  core::LogProducer& producer;
  std::function<std::unique_ptr<core::LogConsumer>()> new_reader;  // of no group
};

/// What every process tells of itself.
struct Operations {
  admin::Overview& overview;
  base::Metrics& metrics;
  std::function<std::vector<ConfigSetting>()> settings;
  std::string version;
  std::string model;
};

/// All that routes call. The references must outlive the routes.
struct Services {
  ingest::Intake& intake;
  core::DocumentStore& documents;
  core::ChunkStore& chunks;
  core::ContentStore& contents;
  search::Search& search;
  search::EventHub& events;
  admin::Overview& overview;
  const admin::PipelineHistory& history;
  ingest::DeadLetterService& dead_letters;
  ingest::ReindexService& reindex;
  ingest::ReplayService& replay;
  ingest::KeyedRequests& keyed_requests;
  ingest::VerifiedDelete& verified_delete;
  core::SearchStatistics& statistics;
  LogServices log;
  base::Metrics& metrics;
  std::function<std::vector<ConfigSetting>()> settings;
  std::string version;
  std::string model;
  Operations operations() const { return {overview, metrics, settings, version, model}; }

  core::DocumentLimits limits = {};
  std::size_t max_waiting =
      32;  // requests with `wait=` at a time, each of which holds a worker; further ones do not wait
};

/// Every route of the server, in one table.
std::vector<Route> BuildRoutes(const Services& services);

/// Those of a worker: health, metrics and state.
std::vector<Route> BuildWorkerRoutes(const Operations& operations);

}  // namespace millrace::http
