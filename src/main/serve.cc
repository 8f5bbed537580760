#include "main/serve.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/memory/memory_cache.h"
#include "admin/pipeline_history.h"
#include "admin/pipeline_overview.h"
#include "admin/topic_keeper.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/version.h"
#include "http/server.h"
#include "http/services.h"
#include "index/exact_vector_index.h"
#include "ingest/cache_keeper.h"
#include "ingest/dead_letter_service.h"
#include "ingest/document_processor.h"
#include "ingest/housekeeper.h"
#include "ingest/intake_service.h"
#include "ingest/keyed_requests.h"
#include "ingest/outbox_relay.h"
#include "ingest/presence.h"
#include "ingest/reindex_service.h"
#include "ingest/replay_service.h"
#include "ingest/takeover.h"
#include "ingest/verified_delete.h"
#include "main/consumers.h"
#include "main/foundation.h"
#include "main/process.h"
#include "main/schemas.h"
#include "main/webhooks.h"
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

/// Everything that runs in a server, in the order in which it is started. Members are destroyed in reverse. In a
/// cluster the uploads are the workers', and the server only runs synchronous documents through the pipeline.
class Application {
 public:
  Application(const LoadedConfig& loaded, base::Metrics& metrics, Foundation foundation)
      : config_(loaded.config),
        backend_(std::move(foundation.backend)),
        model_(std::move(foundation.model)),
        schemas_(config_, backend_.producer, metrics),
        relay_(backend_.outbox, schemas_.producer(), foundation.identity, metrics),
        cache_(MakeCacheKeeper(backend_, id_, metrics)),
        processor_({backend_.effects, backend_.contents, *model_.embedder, cache_.get(), schemas_.messages()}, id_,
                   {foundation.identity, RetryTopicsOf(config_)}, metrics, stop_, [this] { relay_.Wake(); }),
        follower_({backend_.index_feed, index_, backend_.log_admin, [this] { return backend_.new_consumer(""); }, hub_},
                  metrics),
        followed_index_(follower_, index_),
        intake_({backend_.documents, processor_, relay_, followed_index_, stop_, cache_.get()}, config_.max_backlog,
                metrics),
        analytics_(schemas_.producer(), metrics),
        search_({*model_.embedder, index_, backend_.chunks, follower_, analytics_}, metrics),
        consumers_(MakeConsumers(foundation.identity)),
        analytics_consumer_(backend_.new_consumer(core::kAnalyticsGroup), backend_.search_statistics, metrics),
        webhooks_(config_, backend_, foundation.identity, metrics),
        takeover_(MakeTakeover(metrics)),
        dead_letters_(
            backend_.dead_letters, foundation.identity, [this] { relay_.Wake(); }, !config_.webhook_url.empty()),
        reindex_(
            backend_.reindexer, backend_.documents, [this] { return intake_.CheckBacklog(); },
            [this] { relay_.Wake(); }),
        replay_(backend_.documents, backend_.producer, foundation.identity),
        keyed_requests_({backend_.idempotency_keys, backend_.instances}, id_, metrics),
        verified_delete_({intake_, backend_.traces, backend_.instances, backend_.log_admin, backend_.cache,
                          [this](core::DocumentId id) { return IsIndexed(id); }, [this] { return Self(); }, stop_}),
        topics_(backend_.log_admin, OwnTopics(config_)),
        housekeeper_(
            {backend_.store_admin, backend_.outbox, backend_.log_admin, backend_.group_admin, backend_.instances}, id_,
            RetryTopicsOf(config_), metrics),
        presence_(backend_.instances, [this] { return Self(); }),
        overview_({backend_.documents, backend_.dead_letters, backend_.outbox, backend_.log_admin, backend_.group_admin,
                   index_, backend_.instances, [this] { return Self(); }, [this] { return Readiness(); },
                   [this] { return processor_.outage(); }, ProbesOf(config_, backend_, StoreProbe(), schemas_.Probe()),
                   RetryGroupsOf(config_), config_.cluster() ? "cluster" : "embedded", model_.description},
                  metrics),
        history_(overview_) {}

  base::Status Start(const ListenAddress& address, std::uint16_t port) {
    url_ = UrlOf(address, port);
    topics_.Start();
    follower_.Start();
    relay_.Start();
    if (cache_) cache_->Start();
    presence_.Start();  // first: what it begins must not be taken for the work of a dead process
    if (consumers_) RETURN_IF_ERROR(consumers_->Start());
    RETURN_IF_ERROR(analytics_consumer_.Start());
    RETURN_IF_ERROR(webhooks_.Start());
    if (takeover_) takeover_->Start();
    housekeeper_.Start();
    history_.Start();
    Announce();
    return {};
  }

  /// Ends waits for dependencies, for documents, and long documents at their next stage.
  void BeginStop(Deadline finish_by) { stop_.Stop(finish_by); }

  /// REQUIRES: BeginStop() was called and no request runs.
  void FinishStop(Deadline deadline) {
    history_.Stop();
    if (takeover_) takeover_->Stop();
    if (consumers_) {
      StopWithin(
          deadline, [this] { consumers_->Stop(); }, *model_.embedder);
    }
    if (cache_) cache_->Stop(deadline);
    relay_.Stop(deadline);
    analytics_consumer_.Stop();
    webhooks_.Stop();
    housekeeper_.Stop();
    presence_.Stop();
    follower_.Stop();
    topics_.Stop();
    schemas_.Stop();
  }

  http::Services HttpServices(const LoadedConfig& loaded, base::Metrics& metrics) {
    http::Services services{intake_,
                            backend_.documents,
                            backend_.chunks,
                            backend_.contents,
                            search_,
                            hub_,
                            overview_,
                            history_,
                            dead_letters_,
                            reindex_,
                            replay_,
                            keyed_requests_,
                            verified_delete_,
                            backend_.search_statistics,
                            {backend_.log_admin, backend_.group_admin, backend_.producer,
                             [make = backend_.new_consumer] { return make(""); }},
                            metrics,
                            ShownSettings(loaded),
                            std::string(base::kVersion),
                            model_.description};
    services.limits.max_content_bytes = static_cast<std::size_t>(max_request_bytes());
    return services;
  }

  /// What is asked for, or what the store takes when that is less.
  std::int64_t max_request_bytes() const {
    return std::min(config_.max_request_bytes,
                    backend_.store_admin.MaxContentBytes().value_or(config_.max_request_bytes));
  }

 private:
  void Announce() {
    base::LogInfo("millrace {} serves {} ({})", base::kVersion, url_, PlacesOf(config_));
    base::LogInfo("console: {}/console/", url_);
    base::LogInfo("model {}, vector kernel {}", model_.description, index_.kernel_name());
    if (config_.cluster()) base::LogInfo("uploads are processed by `millrace worker`s: start at least one");
    if (max_request_bytes() < config_.max_request_bytes) {
      base::LogWarning("requests up to {} bytes, not {}: the database's max_allowed_packet takes no more",
                       max_request_bytes(), config_.max_request_bytes);
    }
    if (config_.max_request_bytes > Config().max_request_bytes) {
      base::LogInfo("requests up to {} MB: a document of that size takes about {:.0f} s to embed here",
                    config_.max_request_bytes >> 20, EstimateSeconds(*model_.embedder, config_.max_request_bytes));
    }
  }

  std::unique_ptr<Consumers> MakeConsumers(const core::StoreIdentity& identity) {
    if (config_.cluster()) return nullptr;
    return std::make_unique<Consumers>(backend_, processor_, identity, RetryTopicsOf(config_));
  }

  std::unique_ptr<ingest::Takeover> MakeTakeover(base::Metrics& metrics) {
    if (backend_.foreign_rows == nullptr) return nullptr;
    // Without a cache there is nothing that another program could have left in it.
    core::VectorCache& cache = backend_.cache != nullptr ? *backend_.cache : no_cache_;
    return std::make_unique<ingest::Takeover>(
        ingest::Takeover::Ports{*backend_.foreign_rows, cache, *model_.embedder, backend_.instances}, id_, metrics,
        [this] { relay_.Wake(); });
  }

  bool IsIndexed(core::DocumentId id) const {
    const auto held = index_.Find(id);
    return !held || held->version > 0;  // what cannot be looked at may be there
  }

  /// What this process is and does right now.
  core::Instance Self() const {
    core::Instance self;
    self.id = id_;
    self.role = core::kServerRole;
    self.url = url_;
    self.version = base::kVersion;
    self.started_at = started_at_;
    self.applied = follower_.followed();
    if (consumers_) {
      self.partitions = consumers_->partitions();
      self.in_flight = consumers_->in_flight();
    }
    self.documents_per_second = processor_.documents_per_second();
    self.chunks_per_second = processor_.chunks_per_second();
    self.tokens_per_second = model_.embedder->tokens_per_second();
    return self;
  }

  admin::Probe StoreProbe() {
    return [this](std::chrono::milliseconds timeout) -> base::Status {
      RETURN_IF_ERROR(backend_.store_admin.Probe(timeout));
      // In one file the index can follow whenever the store works; in a cluster it also needs the log, which is asked.
      if (std::string trouble = follower_.trouble(); !trouble.empty() && !config_.cluster()) {
        return {base::Code::kUnavailable, std::move(trouble)};
      }
      return {};
    };
  }

  admin::Readiness Readiness() const {
    if (stop_.stopping()) return admin::Readiness::kDraining;
    return follower_.ready() ? admin::Readiness::kReady : admin::Readiness::kLoadingIndex;
  }

  Config config_;
  const std::string id_ = ingest::NewInstanceId();
  const core::Timestamp started_at_ = core::Now();
  std::string url_;  // set before the threads that read it start
  base::StopFlag stop_;
  Backend backend_;
  Model model_;
  memory::MemoryCache no_cache_;
  index::ExactVectorIndex index_;
  search::EventHub hub_;
  Schemas schemas_;
  ingest::OutboxRelay relay_;
  std::unique_ptr<ingest::CacheKeeper> cache_;  // none without Redis
  ingest::DocumentProcessor processor_;
  search::IndexFollower follower_;
  FollowedIndex followed_index_;
  ingest::IntakeService intake_;
  search::Analytics analytics_;
  search::SearchService search_;
  std::unique_ptr<Consumers> consumers_;  // none in a cluster
  search::AnalyticsConsumer analytics_consumer_;
  Webhooks webhooks_;
  std::unique_ptr<ingest::Takeover> takeover_;  // none where nobody else writes
  ingest::DeadLetterService dead_letters_;
  ingest::ReindexService reindex_;
  ingest::ReplayService replay_;
  ingest::KeyedRequests keyed_requests_;
  ingest::VerifiedDelete verified_delete_;
  admin::TopicKeeper topics_;
  ingest::Housekeeper housekeeper_;
  ingest::Presence presence_;
  admin::PipelineOverview overview_;
  admin::PipelineHistory history_;
};

/// The console's own port, where the Kafka UI was that it takes the place of.
base::Result<std::vector<http::Endpoint>> ConsoleEndpoints(const Config& config, const ListenAddress& address) {
  constexpr std::uint16_t kPort = 8080;
  std::vector<http::Endpoint> endpoints;
  if (config.console_listen == "off") return endpoints;
  ListenAddress asked{address.host, kPort};
  if (!config.console_listen.empty()) {
    ASSIGN_OR_RETURN(asked, ParseListen(config.console_listen));
  }
  if (asked.port != address.port || asked.host != address.host) endpoints.push_back({asked.host, asked.port});
  return endpoints;
}

base::Status Run(const LoadedConfig& loaded) {
  const Config& config = loaded.config;
  const StopSignals signals;
  ASSIGN_OR_RETURN(const ListenAddress address, ParseListen(config.listen));
  ASSIGN_OR_RETURN(std::vector<http::Endpoint> also, ConsoleEndpoints(config, address));
  ASSIGN_OR_RETURN(http::AccessOptions access, AccessOf(config, address));

  base::Metrics metrics;
  ASSIGN_OR_RETURN(Foundation foundation, OpenFoundation(config, metrics, signals));
  Application app(loaded, metrics, std::move(foundation));

  http::Services services = app.HttpServices(loaded, metrics);
  const http::Router router(http::BuildRoutes(services), std::move(access), metrics);
  http::ServerOptions options = ServerOptionsOf(config, address);
  options.also = std::move(also);
  options.max_body_bytes = static_cast<std::size_t>(app.max_request_bytes());
  return RunUntilStopped(app, router, options, address, config, signals, metrics);
}

}  // namespace

int Serve(const LoadedConfig& loaded) { return RunProcess("serve", loaded, Run); }

}  // namespace millrace::app
