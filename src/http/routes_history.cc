#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "http/codec.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using admin::PipelineHistory;
using admin::PipelineSample;

constexpr std::int64_t kMaxMinutes = std::chrono::minutes(PipelineHistory::kSpan).count();

/// One value of each sample; a name said once and three digits keep six hours below 200 KB.
template <typename T>
void WriteColumn(JsonWriter& json, std::string_view name, const std::vector<PipelineSample>& samples,
                 std::optional<T> PipelineSample::*value) {
  json.Key(name).BeginArray();
  for (const PipelineSample& sample : samples) {
    std::optional<T> shown = sample.*value;
    if constexpr (std::is_floating_point_v<T>) {
      if (shown) shown = std::round(*shown * 1000) / 1000;
    }
    json.Value(shown);
  }
  json.EndArray();
}

Response ShowHistory(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {"minutes"})) return ToResponse(*problem);
  const auto span = DecodeInteger("minutes", Find(request.query, "minutes").value_or("60"), 1, kMaxMinutes);
  if (const auto* problem = std::get_if<Problem>(&span)) return ToResponse(*problem);
  const core::Timestamp to = core::Now();
  const core::Timestamp from = to - std::chrono::minutes(std::get<std::int64_t>(span));
  const std::vector<PipelineSample> samples = services.history.Since(from);
  JsonWriter json;
  json.BeginObject().Member("from", core::FormatTimestamp(from)).Member("to", core::FormatTimestamp(to));
  json.Member("step_seconds", std::chrono::seconds(PipelineHistory::kStep).count());
  json.Key("at").BeginArray();
  for (const PipelineSample& sample : samples) json.Value(core::FormatTimestamp(sample.at));
  json.EndArray();
  WriteColumn(json, "published", samples, &PipelineSample::published);
  WriteColumn(json, "committed", samples, &PipelineSample::committed);
  WriteColumn(json, "lag", samples, &PipelineSample::lag);
  WriteColumn(json, "waiting", samples, &PipelineSample::waiting);
  WriteColumn(json, "documents_per_second", samples, &PipelineSample::documents_per_second);
  WriteColumn(json, "chunks_per_second", samples, &PipelineSample::chunks_per_second);
  json.EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

void AddHistoryRoutes(const Services& services, std::vector<Route>& routes) {
  routes.push_back({"GET", "/v1/status/history", Scope::kRead, "statusHistory", Surface::kV1,
                    [services](const Request& request) { return ShowHistory(services, request); }});
}

}  // namespace millrace::http
