#include "main/serve.h"

#include <fmt/core.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "admin/pipeline_overview.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "base/version.h"
#include "http/access.h"
#include "http/server.h"
#include "http/services.h"
#include "index/exact_vector_index.h"
#include "ingest/document_processor.h"
#include "ingest/housekeeper.h"
#include "ingest/intake_service.h"
#include "ingest/outbox_relay.h"
#include "ingest/presence.h"
#include "ingest/upload_consumer.h"
#include "main/backend.h"
#include "main/model.h"
#include "search/analytics.h"
#include "search/analytics_consumer.h"
#include "search/index_follower.h"
#include "search/search_service.h"

namespace millrace::app {
namespace {

using base::Deadline;

/// What ingestion needs of search, which the two rooms may not know of each other.
class FollowedIndex final : public ingest::LocalIndex {
 public:
  FollowedIndex(search::IndexFollower& follower, const core::VectorIndex& index) : follower_(follower), index_(index) {}

  base::Status Refresh(std::span<const core::DocumentId> ids, Deadline deadline) override {
    return follower_.Refresh(ids, deadline);
  }
  bool IsSearchable(core::DocumentId id, core::Version version) const override {
    const auto held = index_.Find(id);
    return held && held->version >= version;
  }
  bool WaitForChange(std::uint64_t& seen, Deadline deadline) const override {
    return follower_.WaitForChange(seen, deadline);
  }

 private:
  search::IndexFollower& follower_;
  const core::VectorIndex& index_;
};

/// Everything that runs in embedded mode, in the order in which it is started. Members are destroyed in reverse.
class Application {
 public:
  Application(const LoadedConfig& loaded, base::Metrics& metrics, Backend backend, Model model,
              const core::StoreIdentity& identity)
      : config_(loaded.config),
        backend_(std::move(backend)),
        model_(std::move(model)),
        relay_(backend_.outbox, backend_.producer, identity, metrics),
        processor_({backend_.effects, backend_.contents, *model_.embedder}, metrics, stop_, [this] { relay_.Wake(); }),
        follower_({backend_.index_feed, index_, backend_.log_admin, [this] { return backend_.new_consumer(""); }, hub_},
                  metrics),
        followed_index_(follower_, index_),
        intake_({backend_.documents, processor_, relay_, followed_index_, stop_}, config_.max_backlog, metrics),
        analytics_(backend_.producer, metrics),
        search_({*model_.embedder, index_, backend_.chunks, follower_, analytics_}, metrics),
        consumer_(backend_.new_consumer(core::kWorkersGroup), processor_, identity, {}, metrics),
        analytics_consumer_(backend_.new_consumer(core::kAnalyticsGroup), backend_.search_statistics, metrics),
        housekeeper_(
            {backend_.store_admin, backend_.outbox, backend_.log_admin, backend_.group_admin, backend_.instances}, id_,
            metrics),
        presence_(backend_.instances, [this] { return Self(); }),
        overview_(
            {backend_.documents, backend_.outbox, backend_.log_admin, backend_.group_admin, index_, backend_.instances,
             [this] { return Self(); }, [this] { return Readiness(); }, Probes(), "embedded", model_.description},
            metrics) {}

  base::Status Start(std::uint16_t port) {
    port_ = port;
    follower_.Start();
    relay_.Start();
    RETURN_IF_ERROR(consumer_.Start());
    RETURN_IF_ERROR(analytics_consumer_.Start());
    housekeeper_.Start();
    presence_.Start();
    return {};
  }

  /// Ends waits for dependencies, for documents, and long documents at their next stage.
  void BeginStop() { stop_.Stop(); }

  /// REQUIRES: BeginStop() was called and no request runs.
  void FinishStop(Deadline deadline) {
    base::StopFlag done;
    std::thread limit([&] {
      if (!done.SleepUntil(deadline)) model_.embedder->Stop();  // ends what still waits for the model
    });
    consumer_.Stop();
    done.Stop();
    limit.join();
    relay_.Stop(deadline);
    analytics_consumer_.Stop();
    housekeeper_.Stop();
    presence_.Stop();
    follower_.Stop();
  }

  http::Services HttpServices(const LoadedConfig& loaded, base::Metrics& metrics) {
    const auto settings = [in_force = loaded.settings] {
      std::vector<http::ConfigSetting> shown;
      for (const SettingInForce& setting : in_force) shown.push_back({setting.name, setting.value, setting.source});
      return shown;
    };
    http::Services services{intake_,
                            backend_.documents,
                            backend_.chunks,
                            backend_.contents,
                            search_,
                            hub_,
                            overview_,
                            backend_.search_statistics,
                            {backend_.log_admin, backend_.group_admin, backend_.producer,
                             [make = backend_.new_consumer] { return make(""); }},
                            metrics,
                            settings,
                            std::string(base::kVersion),
                            model_.description};
    services.limits.max_content_bytes = static_cast<std::size_t>(config_.max_request_bytes);
    return services;
  }

  std::string url() const {
    return fmt::format("http://{}:{}", config_.listen.substr(0, config_.listen.rfind(':')), port_.load());
  }

  void Announce() {
    base::LogInfo("millrace {} serves {} ({})", base::kVersion, url(),
                  config_.ephemeral ? "in memory: everything is lost at the end" : "data in " + config_.data);
    base::LogInfo("model {}, vector kernel {}", model_.description, index_.kernel_name());
    if (config_.max_request_bytes > Config().max_request_bytes) {
      base::LogInfo("requests up to {} MB: a document of that size takes about {:.0f} s to embed here",
                    config_.max_request_bytes >> 20, EstimateSeconds(*model_.embedder, config_.max_request_bytes));
    }
  }

  /// What this process is and does right now.
  core::Instance Self() const {
    core::Instance self;
    self.id = id_;
    self.role = core::kServerRole;
    self.url = url();
    self.version = base::kVersion;
    self.started_at = started_at_;
    self.partitions = consumer_.partitions();
    self.in_flight = consumer_.in_flight();
    self.documents_per_second = processor_.documents_per_second();
    self.chunks_per_second = processor_.chunks_per_second();
    self.tokens_per_second = model_.embedder->tokens_per_second();
    return self;
  }

  /// One file is store, cache and log: the contract's three names share its state.
  std::map<std::string, admin::Probe> Probes() {
    const admin::Probe probe = [this](std::chrono::milliseconds timeout) -> base::Status {
      RETURN_IF_ERROR(backend_.store_admin.Probe(timeout));
      if (std::string trouble = follower_.trouble(); !trouble.empty()) {
        return {base::Code::kUnavailable, std::move(trouble)};
      }
      return {};
    };
    return {{"redis", probe}, {"mysql", probe}, {"kafka", probe}};
  }

  admin::Readiness Readiness() const {
    if (stop_.stopping()) return admin::Readiness::kDraining;
    return follower_.ready() ? admin::Readiness::kReady : admin::Readiness::kLoadingIndex;
  }

  Config config_;
  const std::string id_ = ingest::NewInstanceId();
  const core::Timestamp started_at_ = core::Now();
  std::atomic<std::uint16_t> port_{0};
  base::StopFlag stop_;
  Backend backend_;
  Model model_;
  index::ExactVectorIndex index_;
  search::EventHub hub_;
  ingest::OutboxRelay relay_;
  ingest::DocumentProcessor processor_;
  search::IndexFollower follower_;
  FollowedIndex followed_index_;
  ingest::IntakeService intake_;
  search::Analytics analytics_;
  search::SearchService search_;
  ingest::UploadConsumer consumer_;
  search::AnalyticsConsumer analytics_consumer_;
  ingest::Housekeeper housekeeper_;
  ingest::Presence presence_;
  admin::PipelineOverview overview_;
};

base::Status Run(const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  const StopSignals signals;
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListen(config.listen));
  ASSIGN_OR_RETURN(http::AccessOptions access, AccessOf(config, address));

  base::Metrics metrics;
  ASSIGN_OR_RETURN(Backend backend, OpenBackend(config));
  ASSIGN_OR_RETURN(Model model, OpenModel(config, metrics));
  if (auto claimed = backend.store_admin.ClaimModel(model.description); !claimed) {
    base::Error error = std::move(claimed).error();
    if (error.code == base::Code::kConflict) error.message += "; start with that one, or ingest into another --data";
    return error;
  }
  ASSIGN_OR_RETURN(const core::StoreIdentity identity, backend.store_admin.Identity());
  Application app(loaded, metrics, std::move(backend), std::move(model), identity);

  http::Services services = app.HttpServices(loaded, metrics);
  const http::Router router(http::BuildRoutes(services), std::move(access), metrics);
  http::Server server(ServerOptionsOf(config, address), router, metrics);
  RETURN_IF_ERROR(server.Start());
  RETURN_IF_ERROR(app.Start(server.port()));
  app.Announce();

  signals.Wait();
  base::LogInfo("stopping: finishing what is in work, {} s at most", config.drain_seconds);
  const auto deadline = Deadline::After(std::chrono::seconds(config.drain_seconds));
  app.BeginStop();
  server.Drain(deadline);
  app.FinishStop(deadline);
  base::LogInfo("stopped");
  return {};
}

}  // namespace

int Serve(const LoadedConfig& loaded) { return RunProcess("serve", loaded, Run); }

}  // namespace millrace::app
