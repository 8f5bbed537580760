#include "admin/pipeline_overview.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "core/document.h"

namespace millrace::admin {
namespace {

std::optional<double> SecondsLeft(const PipelineStatus& status) {
  // Messages of others name documents that the store does not know before it is their turn.
  const std::int64_t waiting = std::max(status.waiting(), status.total_lag.value_or(0));
  if (waiting == 0) return 0;
  if (status.documents_per_second <= 0) return std::nullopt;
  return static_cast<double>(waiting) / status.documents_per_second;
}

std::int64_t Total(const std::vector<PartitionLag>& lags) {
  return std::accumulate(lags.begin(), lags.end(), std::int64_t{0},
                         [](std::int64_t sum, const PartitionLag& lag) { return sum + lag.lag; });
}

constexpr char kLogName[] = "log";

}  // namespace

PipelineOverview::PipelineOverview(Ports ports, base::Metrics& metrics)
    : ports_(std::move(ports)),
      metrics_(metrics),
      probes_(std::move(ports_.probes)),
      reads_({{kLogName, [this](std::chrono::milliseconds) -> base::Status {
                 ASSIGN_OR_RETURN(Lags lags, ReadLags());
                 std::lock_guard lock(mutex_);
                 lags_ = std::move(lags);
                 return {};
               }}}) {
  metrics_.OnRender([this] { ExportGauges(); });
}

base::Result<PipelineStatus> PipelineOverview::Pipeline() {
  PipelineStatus status;
  ASSIGN_OR_RETURN(status.store, ports_.documents.Counts());
  ASSIGN_OR_RETURN(const auto backlog, ports_.outbox.Backlog());
  status.index = ports_.index.size();
  status.outbox_rows = backlog.rows;
  if (backlog.oldest) {
    status.outbox_age_seconds = std::chrono::duration<double>(backlog.Age(core::Now())).count();
  }
  ASSIGN_OR_RETURN(status.dead_letters, ports_.dead_letters.Count({}));
  FillLag(status);
  RETURN_IF_ERROR(FillWork(status));
  status.seconds_left = SecondsLeft(status);
  status.model = ports_.model;
  return status;
}

DependencyHealth PipelineOverview::Health() {
  DependencyHealth health = probes_.Ask();
  if (std::string outage = ports_.outage(); !outage.empty()) health["consumption"] = std::move(outage);
  return health;
}

base::Status PipelineOverview::AddLag(const std::string& group, const core::TopicInfo& topic,
                                      std::vector<PartitionLag>& lags) {
  std::map<core::TopicPartition, std::int64_t> committed;
  auto readers = ports_.groups.DescribeGroup(group);
  if (!readers && readers.error().code != base::Code::kNotFound) return readers.error();
  if (readers) committed = std::move(readers->committed);
  for (const auto& [partition, marks] : topic.watermarks) {
    PartitionLag lag{topic.spec.name, partition, group, marks.low, marks.high, std::nullopt, 0};
    if (const auto found = committed.find({topic.spec.name, partition}); found != committed.end()) {
      lag.committed = found->second;
    }
    lag.lag = std::max<std::int64_t>(0, marks.high - std::max(marks.low, lag.committed.value_or(marks.low)));
    lags.push_back(std::move(lag));
  }
  return {};
}

base::Result<PipelineOverview::Lags> PipelineOverview::ReadLags() {
  ASSIGN_OR_RETURN(const auto topics, ports_.log.ListTopics());
  Lags lags;
  for (const core::TopicInfo& topic : topics) {
    if (topic.spec.name == core::kUploadsTopic) RETURN_IF_ERROR(AddLag(core::kWorkersGroup, topic, lags.main));
    if (const auto retry = ports_.retry_groups.find(topic.spec.name); retry != ports_.retry_groups.end()) {
      RETURN_IF_ERROR(AddLag(retry->second, topic, lags.retries));
    }
  }
  return lags;
}

void PipelineOverview::FillLag(PipelineStatus& status) {
  const std::string state = reads_.Ask()[kLogName];
  if (state != kConnected) {
    status.log_trouble = state;
    return;
  }
  std::lock_guard lock(mutex_);
  status.lag = lags_.main;
  status.retry_lag = lags_.retries;
  status.total_lag = Total(status.lag);
  status.retries_waiting = Total(status.retry_lag);
}

base::Status PipelineOverview::FillWork(PipelineStatus& status) {
  ASSIGN_OR_RETURN(const auto instances, Instances());
  for (const core::Instance& instance : instances) {
    ++(instance.role == core::kWorkerRole ? status.workers : status.servers);
    status.in_flight += instance.in_flight;
    status.documents_per_second += instance.documents_per_second;
    status.chunks_per_second += instance.chunks_per_second;
    status.tokens_per_second += instance.tokens_per_second;
  }
  return {};
}

base::Result<std::vector<core::Instance>> PipelineOverview::Instances() {
  ASSIGN_OR_RETURN(auto instances, ports_.instances.List());
  core::Instance self = ports_.self();
  const auto told = std::find_if(instances.begin(), instances.end(),
                                 [&](const core::Instance& instance) { return instance.id == self.id; });
  if (told == instances.end()) {  // it has just started, or could not tell the store for a while
    self.heartbeat = core::Now();
    instances.push_back(std::move(self));
  } else {
    self.heartbeat = told->heartbeat;
    *told = std::move(self);
  }
  return instances;
}

void PipelineOverview::ExportGauges() {
  for (const auto& [name, state] : probes_.Ask()) {
    metrics_
        .AddGauge("millrace_dependency_up", "Whether a dependency answers (1) or not (0), asked now.",
                  {{"dependency", name}})
        .Set(state == kConnected ? 1 : 0);
  }
  const auto status = Pipeline();
  if (!status) return;  // the store is away; what only it knows keeps its last value
  for (std::size_t i = 0; i < status->store.documents_by_status.size(); ++i) {
    metrics_
        .AddGauge("millrace_documents", "Documents by status.",
                  {{"status", std::string(core::StatusName(static_cast<core::DocumentStatus>(i)))}})
        .Set(static_cast<double>(status->store.documents_by_status[i]));
  }
  metrics_.AddGauge("millrace_index_chunks", "Chunks in this server's index.")
      .Set(static_cast<double>(status->index.chunks));
  metrics_.AddGauge("millrace_index_bytes", "Memory of this server's index in bytes.")
      .Set(static_cast<double>(status->index.bytes));
  metrics_.AddGauge("millrace_in_flight_documents", "Documents read from the log and not done.")
      .Set(static_cast<double>(ports_.self().in_flight));
  metrics_.AddGauge("millrace_dead_letters", "Dead letters in the store, those under way again included.")
      .Set(static_cast<double>(status->dead_letters));
  for (const auto* lags : {&status->lag, &status->retry_lag}) {
    for (const PartitionLag& lag : *lags) {
      metrics_
          .AddGauge("millrace_consumer_lag",
                    "Records between the group's committed offset and the end of the partition.",
                    {{"topic", lag.topic}, {"partition", std::to_string(lag.partition)}, {"group", lag.group}})
          .Set(static_cast<double>(lag.lag));
    }
  }
}

}  // namespace millrace::admin
