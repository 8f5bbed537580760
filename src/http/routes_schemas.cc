#include <fmt/core.h>

#include <array>
#include <string>
#include <string_view>

#include "core/log.h"
#include "http/assets.h"
#include "http/codec.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

struct TopicSchema {
  std::string_view topic;
  std::string_view schema;
};

const std::array<TopicSchema, 3>& Schemas() {
  static const std::array<TopicSchema, 3> schemas = {{{core::kUploadsTopic, kUploadsSchema},
                                                      {core::kEventsTopic, kEventsSchema},
                                                      {core::kAnalyticsTopic, kAnalyticsSchema}}};
  return schemas;
}

Response ListSchemas(const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  JsonWriter json;
  json.BeginObject().Key("schemas").BeginArray();
  for (const TopicSchema& one : Schemas()) {
    json.BeginObject().Member("topic", one.topic).Member("url", fmt::format("/v1/schemas/{}", one.topic)).EndObject();
  }
  json.EndArray().EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response ShowSchema(const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const std::string topic(Find(request.path_params, "topic").value_or(""));
  for (const TopicSchema& one : Schemas()) {
    if (one.topic != topic) continue;
    Response response;
    response.content_type = "application/schema+json";
    response.body = one.schema;
    return response;
  }
  return ToResponse(base::Error{base::Code::kNotFound, fmt::format("there is no schema of topic {}", topic), {}});
}

}  // namespace

void AddSchemaRoutes(std::vector<Route>& routes) {
  routes.push_back({"GET", "/v1/schemas", Scope::kRead, "listSchemas", Surface::kV1, ListSchemas});
  routes.push_back({"GET", "/v1/schemas/{topic}", Scope::kRead, "getSchema", Surface::kV1, ShowSchema});
}

}  // namespace millrace::http
