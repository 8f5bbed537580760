#include <array>
#include <map>
#include <string>
#include <utility>

#include "http/codec.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

Response Json(JsonWriter&& json) {
  Response response;
  response.body = std::move(json).Take();
  return response;
}

void WriteLag(JsonWriter& json, const admin::PipelineStatus& status) {
  json.Key("lag").BeginObject().Member("total", status.total_lag).Key("partitions").BeginArray();
  for (const admin::PartitionLag& lag : status.lag) {
    json.BeginObject().Member("topic", lag.topic).Member("partition", lag.partition).Member("low", lag.low);
    json.Member("high", lag.high).Member("committed", lag.committed).Member("lag", lag.lag).EndObject();
  }
  json.EndArray();
  json.Member("error", status.log_trouble.empty() ? std::nullopt : std::optional(status.log_trouble)).EndObject();
}

void WriteRetries(JsonWriter& json, const admin::PipelineStatus& status) {
  std::map<std::string, std::int64_t> topics;
  for (const admin::PartitionLag& lag : status.retry_lag) topics[lag.topic] += lag.lag;
  json.Key("retries").BeginObject().Member("waiting", status.retries_waiting).Key("topics").BeginArray();
  for (const auto& [topic, waiting] : topics) {
    json.BeginObject().Member("topic", topic).Member("waiting", waiting).EndObject();
  }
  json.EndArray().EndObject();
}

void WriteRates(JsonWriter& json, double documents, double chunks, double tokens) {
  json.Key("rates").BeginObject().Member("documents_per_second", documents).Member("chunks_per_second", chunks);
  json.Member("tokens_per_second", tokens).EndObject();
}

Response ShowStatus(const Operations& operations) {
  const auto status = operations.overview.Pipeline();
  if (!status) return ToResponse(status.error());
  JsonWriter json;
  json.BeginObject().Member("mode", operations.overview.mode()).Member("model", status->model);
  json.Key("documents").BeginObject();
  const auto& counts = status->store.documents_by_status;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    json.Member(core::StatusName(static_cast<core::DocumentStatus>(i)), counts[i]);
  }
  json.EndObject().Member("chunks", status->store.chunks);
  json.Key("index").BeginObject().Member("documents", status->index.documents);
  json.Member("chunks", status->index.chunks).Member("bytes", status->index.bytes).EndObject();
  json.Key("outbox").BeginObject().Member("rows", status->outbox_rows);
  json.Member("oldest_seconds", status->outbox_age_seconds).EndObject();
  json.Member("in_flight", status->in_flight);
  WriteLag(json, *status);
  WriteRetries(json, *status);
  json.Member("dead_letters", status->dead_letters);
  WriteRates(json, status->documents_per_second, status->chunks_per_second, status->tokens_per_second);
  json.Member("seconds_left", status->seconds_left);
  json.Key("instances").BeginObject().Member("servers", status->servers).Member("workers", status->workers);
  json.EndObject().EndObject();
  return Json(std::move(json));
}

void WriteInstance(JsonWriter& json, const core::Instance& instance) {
  json.BeginObject().Member("id", instance.id).Member("role", instance.role).Member("url", instance.url);
  json.Member("version", instance.version).Member("started_at", core::FormatTimestamp(instance.started_at));
  json.Member("heartbeat", core::FormatTimestamp(instance.heartbeat));
  json.Key("partitions").BeginArray();
  for (const core::TopicPartition& partition : instance.partitions) {
    json.BeginObject().Member("topic", partition.topic).Member("partition", partition.partition).EndObject();
  }
  json.EndArray().Key("applied").BeginArray();
  for (const auto& [partition, offset] : instance.applied) {
    json.BeginObject().Member("topic", partition.topic).Member("partition", partition.partition);
    json.Member("offset", offset).EndObject();
  }
  json.EndArray().Member("in_flight", instance.in_flight);
  WriteRates(json, instance.documents_per_second, instance.chunks_per_second, instance.tokens_per_second);
  json.EndObject();
}

Response ShowInstances(const Operations& operations) {
  const auto instances = operations.overview.Instances();
  if (!instances) return ToResponse(instances.error());
  JsonWriter json;
  json.BeginObject().Key("instances").BeginArray();
  for (const core::Instance& instance : *instances) WriteInstance(json, instance);
  json.EndArray().EndObject();
  return Json(std::move(json));
}

Response ShowConfig(const Operations& operations) {
  JsonWriter json;
  json.BeginObject().Key("settings").BeginArray();
  for (const ConfigSetting& setting : operations.settings()) {
    json.BeginObject().Member("name", setting.name).Member("value", setting.value).Member("source", setting.source);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return Json(std::move(json));
}

Response ShowVersion(const Operations& operations) {
  JsonWriter json;
  json.BeginObject().Member("version", operations.version).Member("model", operations.model);
  json.Member("mode", operations.overview.mode()).EndObject();
  return Json(std::move(json));
}

Response ShowReadiness(const Operations& operations) {
  const admin::Readiness readiness = operations.overview.readiness();
  constexpr std::array kNames = {"ready", "loading index", "draining"};
  JsonWriter json;
  json.BeginObject().Member("status", kNames[static_cast<std::size_t>(readiness)]).EndObject();
  Response response = Json(std::move(json));
  if (readiness != admin::Readiness::kReady) response.status = 503;
  return response;
}

Response ShowMetrics(const Operations& operations) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = operations.metrics.Render();
  return response;
}

Response ShowHealth(const Operations& operations) {
  const admin::DependencyHealth health = operations.overview.Health();
  JsonWriter json;
  json.BeginObject();
  for (const char* name : {"redis", "mysql", "kafka"}) {
    const auto found = health.find(name);
    json.Member(name, found == health.end() ? "connected" : found->second);
  }
  for (const auto& [name, state] : health) {
    if (name != "redis" && name != "mysql" && name != "kafka") json.Member(name, state);
  }
  if (operations.overview.mode() == "embedded") json.Member("mode", "embedded");
  json.EndObject();
  return Json(std::move(json));
}

Response ShowLiveness(const Operations&) {
  Response response;
  response.body = R"({"status":"ok"})";
  return response;
}

}  // namespace

void AddAdminRoutes(const Operations& operations, std::vector<Route>& routes) {
  const auto add = [&](const char* pattern, Scope scope, const char* operation, Surface surface,
                       Response (*answer)(const Operations&), bool at_once = false) {
    Handler handler = [operations, answer, surface](const Request& request) {
      if (surface == Surface::kV1) {
        if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
      }
      return answer(operations);
    };
    routes.push_back({"GET", pattern, scope, operation, surface, std::move(handler), at_once});
  };
  add("/v1/status", Scope::kRead, "status", Surface::kV1, ShowStatus);
  add("/v1/instances", Scope::kRead, "instances", Surface::kV1, ShowInstances);
  add("/v1/config", Scope::kAdmin, "config", Surface::kV1, ShowConfig);
  add("/v1/version", Scope::kRead, "version", Surface::kV1, ShowVersion, true);
  add("/health", Scope::kRead, "health", Surface::kContract, ShowHealth);
  add("/livez", Scope::kNone, "livez", Surface::kPlain, ShowLiveness, true);
  add("/readyz", Scope::kNone, "readyz", Surface::kPlain, ShowReadiness, true);
  add("/metrics", Scope::kRead, "metrics", Surface::kPlain, ShowMetrics);
}

}  // namespace millrace::http
