#include "search/analytics_consumer.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "core/json_text.h"
#include "core/schema_registry.h"

namespace millrace::search {
namespace {

using base::Deadline;

constexpr std::size_t kMaxRecords = 500;  // of one round, so that memory and transactions stay small
constexpr std::size_t kMaxDepth = 16;
constexpr auto kPollTimeout = std::chrono::milliseconds(250);
constexpr auto kGather = std::chrono::seconds(1);  // one transaction for many searches
constexpr auto kForgetInterval = std::chrono::hours(1);
constexpr auto kStatisticsStay = std::chrono::hours(24 * 30);

/// Nothing unless it is a number that a count can be.
std::optional<std::int64_t> CountOf(const boost::json::value* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->to_number<double>();
  if (!(number >= 0 && number < 1e15)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::optional<double> LatencyOf(const boost::json::value* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->to_number<double>();
  return std::isfinite(number) && number >= 0 ? std::optional(number) : std::nullopt;
}

/// Per partition, split where offsets leave a gap.
std::vector<core::SearchBatch> Decode(const std::vector<core::LogRecord>& records) {
  const core::Timestamp now = core::Now();
  std::map<core::TopicPartition, std::vector<core::SearchBatch>> batches;
  for (const core::LogRecord& record : records) {
    const core::TopicPartition partition{record.position.topic, record.position.partition};
    auto& of_partition = batches[partition];
    if (of_partition.empty() || of_partition.back().next_offset() != record.position.offset) {
      of_partition.push_back({partition, record.position.offset, {}, record.timestamp, record.timestamp});
    }
    core::SearchBatch& batch = of_partition.back();
    batch.records.push_back(DecodeSearchRecord(record, now));
    batch.oldest = std::min(batch.oldest, record.timestamp);
    batch.newest = std::max(batch.newest, record.timestamp);
  }
  std::vector<core::SearchBatch> all;
  for (auto& [partition, of_partition] : batches) {
    std::move(of_partition.begin(), of_partition.end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace

std::optional<core::SearchRecord> DecodeSearchRecord(const core::LogRecord& record, core::Timestamp now) {
  if (!record.value) return std::nullopt;
  const auto parsed = core::ParseJson(core::Payload(*record.value), kMaxDepth);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const boost::json::object& message = parsed->get_object();
  const boost::json::value* query = message.if_contains("query");
  const auto results = CountOf(message.if_contains("results_count"));
  if (query == nullptr || !query->is_string() || !results) return std::nullopt;
  const core::Timestamp at = record.timestamp > core::Timestamp() ? std::min(record.timestamp, now) : now;
  return core::SearchRecord{std::string(query->get_string()), *results, LatencyOf(message.if_contains("latency_ms")),
                            at};
}

AnalyticsConsumer::AnalyticsConsumer(std::unique_ptr<core::LogConsumer> consumer, core::SearchStatistics& statistics,
                                     base::Metrics& metrics)
    : consumer_(std::move(consumer)),
      statistics_(statistics),
      counted_(metrics.AddCounter("millrace_analytics_records_total", "Records of search-analytics read.",
                                  {{"outcome", "counted"}})),
      refused_(metrics.AddCounter("millrace_analytics_records_total", "Records of search-analytics read.",
                                  {{"outcome", "refused"}})),
      not_searches_(metrics.AddCounter("millrace_analytics_records_total", "Records of search-analytics read.",
                                       {{"outcome", "not_a_search"}})) {}

AnalyticsConsumer::~AnalyticsConsumer() { Stop(); }

base::Status AnalyticsConsumer::Start() {
  core::LogConsumer::RebalanceListener listener;
  listener.assigned = [this](const auto& partitions) { partitions_.insert(partitions.begin(), partitions.end()); };
  listener.revoked =
      [this](const auto& partitions) {  // nothing to drain: what was read is counted before the next Poll
        for (const core::TopicPartition& partition : partitions) partitions_.erase(partition);
      };
  RETURN_IF_ERROR(consumer_->Subscribe({core::kAnalyticsTopic}, std::move(listener)));
  thread_ = std::thread([this] { Run(); });
  return {};
}

void AnalyticsConsumer::Stop() {
  stop_.Stop();
  if (!thread_.joinable()) return;
  thread_.join();
  consumer_->Close();
}

void AnalyticsConsumer::Run() {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(10));
  while (!stop_.stopping()) {
    auto records = consumer_->Poll(kMaxRecords, Deadline::After(kPollTimeout));
    if (!records) {
      if (backoff.first_try()) {
        base::LogWarning("searches cannot be read from the log, waiting: {}", records.error().message);
      }
      stop_.SleepUntil(Deadline::After(backoff.Next()));
      continue;
    }
    backoff.Reset();
    const auto batches = Decode(*records);
    for (const core::SearchBatch& batch : batches) {
      if (!Count(batch)) return;
    }
    Commit(batches);
    ForgetOld();
    if (records->size() < kMaxRecords) stop_.SleepUntil(Deadline::After(kGather));
  }
}

bool AnalyticsConsumer::Count(const core::SearchBatch& batch) {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(10));
  while (!stop_.stopping()) {
    const auto added = statistics_.Add(batch);
    if (added || !base::IsRetryable(added.error().code)) {
      const auto searches =
          std::count_if(batch.records.begin(), batch.records.end(), [](const auto& r) { return !!r; });
      not_searches_.Add(static_cast<double>(batch.records.size()) - static_cast<double>(searches));
      (added ? counted_ : refused_).Add(static_cast<double>(searches));
      if (!added) {  // it would be refused for ever, and everything behind it with it
        base::LogError("{} searches from {}-{}@{} are left out: {}", searches, batch.partition.topic,
                       batch.partition.partition, batch.first_offset, added.error().message);
      }
      return true;
    }
    if (backoff.first_try()) base::LogWarning("searches cannot be counted, waiting: {}", added.error().message);
    stop_.SleepUntil(Deadline::After(backoff.Next()));
  }
  return false;
}

void AnalyticsConsumer::Commit(const std::vector<core::SearchBatch>& batches) {
  std::map<core::TopicPartition, std::int64_t> next;
  for (const core::SearchBatch& batch : batches) next[batch.partition] = batch.next_offset();
  if (next.empty()) return;
  if (const auto committed = consumer_->Commit(next); !committed) {
    // Harmless: the records are read again, and the statistics know that they have them.
    base::LogDebug("offsets of searches were not committed: {}", committed.error().message);
  }
}

void AnalyticsConsumer::ForgetOld() {
  if (partitions_.empty() || !forget_due_.expired()) return;
  forget_due_ = Deadline::After(kForgetInterval);
  if (const auto forgotten = statistics_.Forget(core::Now() - kStatisticsStay); !forgotten) {
    base::LogWarning("old searches are not forgotten yet: {}", forgotten.error().message);
  }
}

}  // namespace millrace::search
