#include "search/analytics.h"

#include <boost/json.hpp>
#include <utility>
#include <vector>

#include "base/log.h"

namespace millrace::search {
namespace {

using base::Deadline;

constexpr std::size_t kMaxWaiting = 10'000;
constexpr std::size_t kMaxBatch = 500;
constexpr auto kAppendGather = std::chrono::milliseconds(100);  // one append for many searches
constexpr auto kProduceTimeout = std::chrono::seconds(5);

core::LogRecord Encode(const SearchObservation& observation) {
  boost::json::object message;
  message["query"] = observation.query;
  message["results_count"] = observation.results;
  message["top_similarity"] = observation.top_similarity.value_or(0);
  message["timestamp"] = core::FormatMessageTimestamp(observation.at);
  message["latency_ms"] = observation.latency_ms;
  message["top_k"] = observation.top_k;
  core::LogRecord record;
  record.position.topic = core::kAnalyticsTopic;
  record.value = boost::json::serialize(message);
  record.timestamp = observation.at;
  return record;
}

}  // namespace

Analytics::Analytics(core::LogProducer& producer, base::Metrics& metrics)
    : producer_(producer),
      dropped_(
          metrics.AddCounter("millrace_analytics_dropped_total", "Search observations that did not reach the log.")),
      queue_(kMaxWaiting),
      thread_([this] { Run(); }) {}

Analytics::~Analytics() {
  queue_.Close();
  thread_.join();
}

void Analytics::Record(SearchObservation observation) {
  if (!queue_.TryPush(std::move(observation))) dropped_.Add();
}

void Analytics::Run() {
  while (true) {
    auto first = queue_.Pop(Deadline::After(std::chrono::seconds(1)));
    if (!first) {
      if (queue_.closed()) return;
      continue;
    }
    std::vector<core::LogRecord> records;
    records.push_back(Encode(*first));
    const auto gather = Deadline::After(kAppendGather);
    while (records.size() < kMaxBatch) {
      auto next = queue_.Pop(gather);
      if (!next) break;
      records.push_back(Encode(*next));
    }
    const std::size_t count = records.size();
    const auto produced = producer_.Produce(std::move(records), Deadline::After(kProduceTimeout));
    std::size_t lost = produced ? 0 : count;
    if (produced) {
      for (const auto& one : *produced) lost += one ? 0 : 1;
    }
    if (lost > 0) {
      dropped_.Add(static_cast<double>(lost));
      base::LogDebug("{} search observations did not reach the log", lost);
    }
  }
}

}  // namespace millrace::search
