#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "http/codec.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kDefaultPast = hours(24);
constexpr std::int64_t kMaxTop = 1000;
constexpr std::int64_t kMinStep = 60, kMaxStep = 30 * 86'400;
constexpr std::int64_t kNiceBuckets = 100;  // what a chart can show

/// The shortest step that people like which leaves a chart readable.
seconds StepFor(core::Timestamp from, core::Timestamp to) {
  constexpr std::array<minutes, 11> kSteps = {minutes(1), minutes(5), minutes(10), minutes(15), minutes(30),  hours(1),
                                              hours(3),   hours(6),   hours(12),   hours(24),   hours(24 * 7)};
  for (const minutes step : kSteps) {
    if ((to - from) / step <= kNiceBuckets) return step;
  }
  return hours(24 * 30);
}

struct Asked {
  core::SearchRange range;
  std::size_t top = 0;
};

Decoded<Asked> DecodeAsked(const Request& request) {
  if (const auto problem = CheckQuery(request, {"from", "to", "step", "top"})) return *problem;
  Asked asked;
  asked.range.to = core::Now();
  if (const auto text = Find(request.query, "to")) {
    const auto to = DecodeTime("to", *text);
    if (const auto* problem = std::get_if<Problem>(&to)) return *problem;
    asked.range.to = std::get<core::Timestamp>(to);
  }
  asked.range.from = std::max(core::Timestamp(), asked.range.to - kDefaultPast);
  if (const auto text = Find(request.query, "from")) {
    const auto from = DecodeTime("from", *text);
    if (const auto* problem = std::get_if<Problem>(&from)) return *problem;
    asked.range.from = std::get<core::Timestamp>(from);
  }
  asked.range.step = StepFor(asked.range.from, asked.range.to);
  if (const auto text = Find(request.query, "step")) {
    const auto step = DecodeInteger("step", *text, kMinStep, kMaxStep);
    if (const auto* problem = std::get_if<Problem>(&step)) return *problem;
    asked.range.step = seconds(std::get<std::int64_t>(step));
  }
  const auto top = DecodeInteger("top", Find(request.query, "top").value_or("10"), 0, kMaxTop);
  if (const auto* problem = std::get_if<Problem>(&top)) return *problem;
  asked.top = static_cast<std::size_t>(std::get<std::int64_t>(top));
  return asked;
}

void WriteLatency(JsonWriter& json, const std::optional<core::SearchLatency>& latency) {
  json.Key("latency_ms");
  if (!latency) {
    json.Null();
    return;
  }
  json.BeginObject().Member("p50", latency->p50_ms).Member("p95", latency->p95_ms).Member("p99", latency->p99_ms);
  json.EndObject();
}

void WriteQueries(JsonWriter& json, std::string_view name, const std::vector<core::QueryCount>& queries) {
  json.Key(name).BeginArray();
  for (const core::QueryCount& query : queries) {
    json.BeginObject().Member("query", query.query).Member("searches", query.searches);
    json.Member("without_results", query.without_results).EndObject();
  }
  json.EndArray();
}

Response ShowSearches(const Services& services, const Request& request) {
  const auto decoded = DecodeAsked(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& [range, top] = std::get<Asked>(decoded);
  const auto report = services.statistics.Report(range, top);
  if (!report) return ToResponse(report.error());
  JsonWriter json;
  json.BeginObject().Member("from", core::FormatTimestamp(range.from)).Member("to", core::FormatTimestamp(range.to));
  json.Member("step_seconds", range.step.count());
  json.Member("searches", report->searches).Member("without_results", report->without_results);
  WriteLatency(json, report->latency);
  WriteQueries(json, "top", report->top);
  WriteQueries(json, "unanswered", report->unanswered);
  json.Key("buckets").BeginArray();
  for (const core::SearchBucket& bucket : report->buckets) {
    json.BeginObject().Member("start", core::FormatTimestamp(bucket.start)).Member("searches", bucket.searches);
    json.Member("without_results", bucket.without_results);
    WriteLatency(json, bucket.latency);
    json.EndObject();
  }
  json.EndArray().EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

void AddAnalyticsRoutes(const Services& services, std::vector<Route>& routes) {
  routes.push_back({"GET", "/v1/analytics/searches", Scope::kRead, "searchAnalytics", Surface::kV1,
                    [services](const Request& request) { return ShowSearches(services, request); }});
}

}  // namespace millrace::http
