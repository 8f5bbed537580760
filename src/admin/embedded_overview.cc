#include "admin/embedded_overview.h"

#include <algorithm>
#include <utility>

#include "core/document.h"

namespace millrace::admin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRateWindow = std::chrono::seconds(30);
constexpr auto kSampleInterval = std::chrono::milliseconds(500);
constexpr auto kProbeTimeout = std::chrono::milliseconds(1500);

std::size_t Index(core::DocumentStatus status) { return static_cast<std::size_t>(status); }

std::vector<PartitionLag> LagOf(const std::vector<core::TopicInfo>& topics,
                                const std::map<core::TopicPartition, std::int64_t>& committed) {
  std::vector<PartitionLag> lags;
  for (const core::TopicInfo& topic : topics) {
    if (topic.spec.name != core::kUploadsTopic) continue;
    for (const auto& [partition, marks] : topic.watermarks) {
      PartitionLag lag{topic.spec.name, partition, marks.low, marks.high, std::nullopt, 0};
      if (const auto found = committed.find({topic.spec.name, partition}); found != committed.end()) {
        lag.committed = found->second;
      }
      lag.lag = std::max<std::int64_t>(0, marks.high - std::max(marks.low, lag.committed.value_or(marks.low)));
      lags.push_back(std::move(lag));
    }
  }
  return lags;
}

}  // namespace

EmbeddedOverview::EmbeddedOverview(Ports ports, base::Metrics& metrics)
    : ports_(std::move(ports)),
      metrics_(metrics),
      documents_indexed_(metrics.AddCounter("millrace_documents_processed_total", "Document versions worked off.",
                                            {{"outcome", "indexed"}})),
      documents_failed_(metrics.AddCounter("millrace_documents_processed_total", "Document versions worked off.",
                                           {{"outcome", "failed"}})),
      chunks_indexed_(metrics.AddCounter("millrace_chunks_indexed_total", "Chunks committed to the store.")),
      tokens_embedded_(metrics.AddCounter("millrace_embedded_tokens_total", "Tokens put through the model.")) {
  metrics_.OnRender([this] { ExportGauges(); });
}

EmbeddedOverview::Sample EmbeddedOverview::Count() const {
  return {Clock::now(), documents_indexed_.value() + documents_failed_.value(), chunks_indexed_.value(),
          tokens_embedded_.value()};
}

void EmbeddedOverview::FillRates(PipelineStatus& status) {
  const Sample now = Count();
  Sample oldest;
  {
    std::lock_guard lock(mutex_);
    while (!samples_.empty() && now.at - samples_.front().at > kRateWindow) samples_.pop_front();
    oldest = samples_.empty() ? now : samples_.front();
    if (samples_.empty() || now.at - samples_.back().at > kSampleInterval) samples_.push_back(now);
  }
  if (const double seconds = std::chrono::duration<double>(now.at - oldest.at).count(); seconds > 0) {
    status.documents_per_second = (now.documents - oldest.documents) / seconds;
    status.chunks_per_second = (now.chunks - oldest.chunks) / seconds;
    status.tokens_per_second = (now.tokens - oldest.tokens) / seconds;
  }
  const auto& by_status = status.store.documents_by_status;
  const auto waiting = by_status[Index(core::DocumentStatus::kQueued)] +
                       by_status[Index(core::DocumentStatus::kProcessing)] +
                       by_status[Index(core::DocumentStatus::kRetrying)];
  if (waiting == 0) {
    status.seconds_left = 0;
  } else if (status.documents_per_second > 0) {
    status.seconds_left = static_cast<double>(waiting) / status.documents_per_second;
  }
}

base::Result<PipelineStatus> EmbeddedOverview::Pipeline() {
  PipelineStatus status;
  ASSIGN_OR_RETURN(status.store, ports_.documents.Counts());
  ASSIGN_OR_RETURN(const auto backlog, ports_.outbox.Backlog());
  ASSIGN_OR_RETURN(const auto topics, ports_.log.ListTopics());
  const auto workers = ports_.groups.DescribeGroup(core::kWorkersGroup);
  if (!workers && workers.error().code != base::Code::kNotFound) return workers.error();
  status.index = ports_.index.size();
  status.outbox_rows = backlog.rows;
  if (backlog.oldest) {
    status.outbox_age_seconds = std::chrono::duration<double>(core::Now() - *backlog.oldest).count();
  }
  status.lag = LagOf(topics, workers ? workers->committed : decltype(workers->committed)());
  for (const PartitionLag& lag : status.lag) status.total_lag += lag.lag;
  status.in_flight = ports_.in_flight();
  status.model = ports_.model;
  FillRates(status);
  return status;
}

DependencyHealth EmbeddedOverview::Health() {
  // One file is store, cache and log: the contract's three names share its state.
  const auto probe = ports_.store.Probe(kProbeTimeout);
  const std::string trouble = probe ? ports_.index_trouble() : probe.error().message;
  const std::string state = trouble.empty() ? "connected" : "disconnected: " + trouble;
  return {{"redis", state}, {"mysql", state}, {"kafka", state}};
}

void EmbeddedOverview::ExportGauges() {
  const auto status = Pipeline();
  if (!status) return;  // the store is away; its gauges keep their last values and health says why
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
      .Set(static_cast<double>(status->in_flight));
  for (const PartitionLag& lag : status->lag) {
    metrics_
        .AddGauge("millrace_consumer_lag", "Records between the group's committed offset and the end of the partition.",
                  {{"topic", lag.topic}, {"partition", std::to_string(lag.partition)}, {"group", core::kWorkersGroup}})
        .Set(static_cast<double>(lag.lag));
  }
}

}  // namespace millrace::admin
