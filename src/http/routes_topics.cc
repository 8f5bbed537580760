#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <thread>
#include <utility>

#include "core/topic_rules.h"
#include "http/codec.h"
#include "http/json_object.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using Need = JsonObject::Need;

constexpr std::int64_t kMaxPartitions = 10'000;
constexpr std::int64_t kMaxReplication = 100;

/// The pipeline lives on these.
bool IsOurs(std::string_view topic) {
  if (topic.starts_with(std::string(core::kUploadsTopic) + "-retry-")) return true;
  constexpr std::array<std::string_view, 5> kOurs = {core::kUploadsTopic, core::kDeadLettersTopic, core::kEventsTopic,
                                                     core::kAnalyticsTopic, core::kWebhookRetriesTopic};
  return std::find(kOurs.begin(), kOurs.end(), topic) != kOurs.end();
}

std::string TopicOf(const Request& request) { return std::string(Find(request.path_params, "name").value_or("")); }

Response ListTopics(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto topics = services.log.topics.ListTopics();
  if (!topics) return ToResponse(topics.error());
  JsonWriter json;
  json.BeginObject().Key("topics").BeginArray();
  for (const core::TopicInfo& topic : *topics) {
    std::int64_t messages = 0;
    for (const auto& [partition, marks] : topic.watermarks) messages += marks.high - marks.low;
    json.BeginObject().Member("name", topic.spec.name).Member("partitions", topic.spec.partitions);
    json.Member("replication", topic.spec.replication).Member("in_sync", topic.in_sync);
    json.Member("messages", messages).EndObject();
  }
  json.EndArray().EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

void WriteBrokers(JsonWriter& json, std::string_view name, const std::vector<std::int32_t>& brokers) {
  json.Key(name).BeginArray();
  for (const std::int32_t broker : brokers) json.Value(broker);
  json.EndArray();
}

/// Brokers hear of a change a moment after it was made; what was done must not look like a failure.
base::Result<core::TopicDescription> LookAfterChange(core::LogAdmin& topics, const std::string& name) {
  constexpr auto kUntilBrokersHear = std::chrono::seconds(5);
  constexpr auto kPause = std::chrono::milliseconds(50);
  const auto deadline = base::Deadline::After(kUntilBrokersHear);
  while (true) {
    auto topic = topics.DescribeTopic(name);
    if (topic || !base::IsRetryable(topic.error().code) || deadline.expired()) return topic;
    std::this_thread::sleep_for(kPause);
  }
}

Response Describe(const base::Result<core::TopicDescription>& topic, int status) {
  if (!topic) return ToResponse(topic.error());
  std::int64_t messages = 0;
  for (const auto& [partition, info] : topic->partitions) messages += info.marks.high - info.marks.low;
  JsonWriter json;
  json.BeginObject().Member("name", topic->spec.name).Member("partitions", topic->spec.partitions);
  json.Member("replication", topic->spec.replication).Member("messages", messages);
  json.Key("config").BeginObject();
  for (const auto& [key, value] : topic->spec.config) json.Member(key, value);
  json.EndObject().Key("layout").BeginArray();
  for (const auto& [partition, info] : topic->partitions) {
    json.BeginObject().Member("partition", partition).Member("low", info.marks.low).Member("high", info.marks.high);
    json.Key("leader");
    if (info.leader < 0) {
      json.Null();
    } else {
      json.Value(info.leader);
    }
    WriteBrokers(json, "replicas", info.replicas);
    WriteBrokers(json, "in_sync", info.in_sync);
    json.EndObject();
  }
  json.EndArray().EndObject();
  Response response;
  response.status = status;
  if (status == 201) response.headers.emplace_back("Location", "/v1/topics/" + topic->spec.name);
  response.body = std::move(json).Take();
  return response;
}

Response ShowTopic(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  return Describe(services.log.topics.DescribeTopic(TopicOf(request)), 200);
}

Decoded<core::TopicSpec> DecodeTopic(const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return *problem;
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return *problem;
  auto parsed = JsonObject::Parse(request.body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  core::TopicSpec spec;
  const auto name = object.String("name", Need::kRequired);
  if (name && !core::IsTopicName(*name)) {
    object.AddError("name", "must have 1 to 249 letters, digits, dots, dashes or underscores");
  }
  spec.name = name.value_or("");
  spec.partitions =
      static_cast<std::int32_t>(object.Integer("partitions", 1, kMaxPartitions, Need::kNullable).value_or(3));
  spec.replication =
      static_cast<std::int16_t>(object.Integer("replication", 1, kMaxReplication, Need::kNullable).value_or(1));
  for (const auto& [key, value] : object.Strings("config", false)) spec.config[key] = value.value_or("");
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return spec;
}

Response CreateTopic(const Services& services, const Request& request) {
  const auto decoded = DecodeTopic(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const auto& spec = std::get<core::TopicSpec>(decoded);
  if (const auto created = services.log.topics.CreateTopic(spec); !created) return ToResponse(created.error());
  return Describe(LookAfterChange(services.log.topics, spec.name), 201);
}

Response AlterTopic(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return ToResponse(*problem);
  auto parsed = JsonObject::Parse(request.body);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return ToResponse(*problem);
  auto& object = std::get<JsonObject>(parsed);
  core::TopicChange change;
  if (const auto partitions = object.Integer("partitions", 1, kMaxPartitions, Need::kNullable)) {
    change.partitions = static_cast<std::int32_t>(*partitions);
  }
  change.config = object.Strings("config", true);
  object.RefuseOthers();
  if (const auto problem = object.problem()) return ToResponse(*problem);
  if (!change.partitions && change.config.empty()) {
    return ToResponse(Problem{422, "the body changes nothing: give partitions or config", {}});
  }
  const std::string name = TopicOf(request);
  if (const auto altered = services.log.topics.AlterTopic(name, change); !altered) return ToResponse(altered.error());
  return Describe(LookAfterChange(services.log.topics, name), 200);
}

/// Takes nothing from a topic of ours unless it is forced to. `does`: what force would do to it.
std::optional<Problem> CheckForce(const Request& request, std::string_view does) {
  if (auto problem = CheckQuery(request, {"force"})) return problem;
  const auto force = DecodeBool("force", Find(request.query, "force").value_or("false"));
  if (const auto* problem = std::get_if<Problem>(&force)) return *problem;
  const std::string name = TopicOf(request);
  if (!IsOurs(name) || std::get<bool>(force)) return std::nullopt;
  return Problem{
      409, fmt::format("topic {} is one that Millrace works with: force {} it all the same", name, does), {}};
}

Response EmptyTopic(const Services& services, const Request& request) {
  if (const auto problem = CheckForce(request, "empties")) return ToResponse(*problem);
  const std::string name = TopicOf(request);
  const auto removed = services.log.topics.EmptyTopic(name);
  if (!removed) return ToResponse(removed.error());
  JsonWriter json;
  json.BeginObject().Member("name", name).Member("removed", *removed).EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response DeleteTopic(const Services& services, const Request& request) {
  if (const auto problem = CheckForce(request, "deletes")) return ToResponse(*problem);
  const std::string name = TopicOf(request);
  if (const auto deleted = services.log.topics.DeleteTopic(name); !deleted) return ToResponse(deleted.error());
  JsonWriter json;
  json.BeginObject().Member("name", name).Member("status", "deleted").EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

void AddTopicRoutes(const Services& services, std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* operation,
                       Response (*answer)(const Services&, const Request&)) {
    Handler handler = [services, answer](const Request& request) { return answer(services, request); };
    routes.push_back({method, pattern, scope, operation, Surface::kV1, std::move(handler)});
  };
  add("GET", "/v1/topics", Scope::kRead, "listTopics", ListTopics);
  add("POST", "/v1/topics", Scope::kAdmin, "createTopic", CreateTopic);
  add("GET", "/v1/topics/{name}", Scope::kRead, "getTopic", ShowTopic);
  add("PATCH", "/v1/topics/{name}", Scope::kAdmin, "alterTopic", AlterTopic);
  add("DELETE", "/v1/topics/{name}", Scope::kAdmin, "deleteTopic", DeleteTopic);
  add("DELETE", "/v1/topics/{name}/messages", Scope::kAdmin, "emptyTopic", EmptyTopic);
}

}  // namespace millrace::http
