#include "main/worker.h"

#include <fmt/core.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "admin/pipeline_overview.h"
#include "admin/topic_keeper.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/version.h"
#include "http/server.h"
#include "http/services.h"
#include "index/exact_vector_index.h"
#include "ingest/cache_keeper.h"
#include "ingest/document_processor.h"
#include "ingest/outbox_relay.h"
#include "ingest/presence.h"
#include "main/consumers.h"
#include "main/foundation.h"
#include "main/process.h"
#include "main/schemas.h"

namespace millrace::app {
namespace {

using base::Deadline;

/// Everything that runs in a worker, in the order in which it is started. Members are destroyed in reverse.
class Worker {
 public:
  Worker(const LoadedConfig& loaded, base::Metrics& metrics, Foundation foundation)
      : config_(loaded.config),
        backend_(std::move(foundation.backend)),
        model_(std::move(foundation.model)),
        schemas_(config_, backend_.producer, metrics),
        relay_(backend_.outbox, schemas_.producer(), foundation.identity, metrics),
        cache_(MakeCacheKeeper(backend_, id_, metrics)),
        processor_({backend_.effects, backend_.contents, *model_.embedder, cache_.get(), schemas_.messages()}, id_,
                   {foundation.identity, RetryTopicsOf(config_)}, metrics, stop_, [this] { relay_.Wake(); }),
        consumers_(backend_, processor_, foundation.identity, RetryTopicsOf(config_),
                   [this](const std::string& reason) { ShutOut(reason); }),
        topics_(backend_.log_admin, OwnTopics(config_)),
        presence_(backend_.instances, [this] { return Self(); }),
        overview_({backend_.documents, backend_.dead_letters, backend_.outbox, backend_.log_admin, backend_.group_admin,
                   no_index_, backend_.instances, [this] { return Self(); }, [this] { return Readiness(); },
                   [this] { return processor_.outage(); },
                   ProbesOf(
                       config_, backend_,
                       [this](std::chrono::milliseconds timeout) { return backend_.store_admin.Probe(timeout); },
                       schemas_.Probe()),
                   RetryGroupsOf(config_), "cluster", model_.description},
                  metrics) {}

  base::Status Start(const ListenAddress& address, std::uint16_t port) {
    url_ = UrlOf(address, port);
    topics_.Start();
    relay_.Start();
    if (cache_) cache_->Start();
    presence_.Start();  // first: what it begins must not be taken for the work of a dead process
    RETURN_IF_ERROR(consumers_.Start());
    base::LogInfo("millrace {} works ({}), health and metrics on {}", base::kVersion, PlacesOf(config_), url_);
    base::LogInfo("model {}", model_.description);
    return {};
  }

  void BeginStop(Deadline finish_by) { stop_.Stop(finish_by); }

  /// REQUIRES: BeginStop() was called and no request runs.
  void FinishStop(Deadline deadline) {
    StopWithin(
        deadline, [this] { consumers_.Stop(); }, *model_.embedder);
    if (cache_) cache_->Stop(deadline);
    relay_.Stop(deadline);
    presence_.Stop();
    topics_.Stop();
    schemas_.Stop();
  }

  http::Operations operations(const LoadedConfig& loaded, base::Metrics& metrics) {
    return {overview_, metrics, ShownSettings(loaded), std::string(base::kVersion), model_.description};
  }

  /// Why it ended by itself, if it did.
  base::Status failure() const {
    std::lock_guard lock(failure_mutex_);
    return failure_;
  }

 private:
  /// Another process has this one's instance id and does its work: to stay would only look like a worker.
  void ShutOut(const std::string& reason) {
    std::lock_guard lock(failure_mutex_);
    if (!failure_) return;
    failure_ = {base::Code::kConflict, fmt::format("{} (another worker has --kafka-group-instance-id {})", reason,
                                                   config_.kafka_group_instance_id)};
    StopProcess();
  }

  core::Instance Self() const {
    core::Instance self;
    self.id = id_;
    self.role = core::kWorkerRole;
    self.url = url_;
    self.version = base::kVersion;
    self.started_at = started_at_;
    self.partitions = consumers_.partitions();
    self.in_flight = consumers_.in_flight();
    self.documents_per_second = processor_.documents_per_second();
    self.chunks_per_second = processor_.chunks_per_second();
    self.tokens_per_second = model_.embedder->tokens_per_second();
    return self;
  }

  admin::Readiness Readiness() const {
    return stop_.stopping() ? admin::Readiness::kDraining : admin::Readiness::kReady;
  }

  Config config_;
  const std::string id_ = ingest::NewInstanceId();
  const core::Timestamp started_at_ = core::Now();
  std::string url_;  // set before the threads that read it start
  base::StopFlag stop_;
  mutable std::mutex failure_mutex_;
  base::Status failure_;
  Backend backend_;
  Model model_;
  index::ExactVectorIndex no_index_;  // a worker answers no searches
  Schemas schemas_;
  ingest::OutboxRelay relay_;
  std::unique_ptr<ingest::CacheKeeper> cache_;  // none without Redis
  ingest::DocumentProcessor processor_;
  Consumers consumers_;
  admin::TopicKeeper topics_;
  ingest::Presence presence_;
  admin::PipelineOverview overview_;
};

base::Status Run(const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  const StopSignals signals;
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListen(config.listen));
  ASSIGN_OR_RETURN(http::AccessOptions access, AccessOf(config, address));

  base::Metrics metrics;
  ASSIGN_OR_RETURN(Foundation foundation, OpenFoundation(config, metrics, signals));
  Worker worker(loaded, metrics, std::move(foundation));
  const http::Router router(http::BuildWorkerRoutes(worker.operations(loaded, metrics)), std::move(access), metrics);
  RETURN_IF_ERROR(RunUntilStopped(worker, router, ServerOptionsOf(config, address), address, config, signals, metrics));
  return worker.failure();
}

}  // namespace

int Work(const LoadedConfig& loaded) { return RunProcess("worker", loaded, Run); }

}  // namespace millrace::app
