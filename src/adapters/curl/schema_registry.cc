#include "adapters/curl/schema_registry.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <limits>
#include <utility>

namespace millrace::curl {
namespace {

namespace json = boost::json;
using base::Code;
using base::Error;

constexpr std::size_t kMaxAnswerBytes = 4 << 20;
constexpr char kContentType[] = "application/vnd.schemaregistry.v1+json";

std::string WithoutLastSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// The registry's own words, as `{"error_code":40403,"message":"Schema not found"}` has them.
std::string ReasonOf(const HttpAnswer& answer) {
  boost::system::error_code error;
  const json::value value = json::parse(answer.body, error);
  const auto* object = error ? nullptr : value.if_object();
  const auto* message = object != nullptr ? object->if_contains("message") : nullptr;
  const bool has_words = message != nullptr && message->is_string();
  return fmt::format("the schema registry answers {}{}{}", answer.status, has_words ? ": " : "",
                     has_words ? std::string(message->get_string()).substr(0, 500) : "");
}

Error ErrorOf(const HttpAnswer& answer) {
  const int status = answer.status;
  const Code code = status == 404   ? Code::kNotFound
                    : status == 409 ? Code::kConflict
                    : status >= 400 && status < 500 && status != 408 && status != 429 && status != 401 && status != 403
                        ? Code::kInvalidArgument
                        : Code::kUnavailable;  // of its operation, a login among it: it may be mended
  return {code, ReasonOf(answer), {}};
}

base::Result<json::object> ObjectOf(const HttpAnswer& answer) {
  if (answer.status < 200 || answer.status > 299) return ErrorOf(answer);
  boost::system::error_code error;
  json::value value = json::parse(answer.body, error);
  if (error || !value.is_object()) {
    return Error{Code::kUnavailable, "the schema registry answers something that is no object of JSON", {}};
  }
  return std::move(value.get_object());
}

}  // namespace

SchemaRegistry::SchemaRegistry(std::string url) : session_(WithoutLastSlash(std::move(url)), kMaxAnswerBytes) {}

base::Result<HttpAnswer> SchemaRegistry::Ask(const std::string& path, std::optional<std::string_view> body,
                                             base::Deadline deadline) {
  HttpRequest request{path, {{"Accept", fmt::format("{}, application/json", kContentType)}}, body};
  if (body) request.headers.emplace_back("Content-Type", kContentType);
  return session_.Send(request, deadline);
}

base::Result<std::int32_t> SchemaRegistry::Register(const std::string& subject, std::string_view schema,
                                                    base::Deadline deadline) {
  const std::string body = json::serialize(json::object{{"schemaType", "JSON"}, {"schema", schema}});
  ASSIGN_OR_RETURN(const HttpAnswer answer, Ask(fmt::format("/subjects/{}/versions", subject), body, deadline));
  // Where there is a registry at all, a path is never missing.
  if (answer.status == 404) return Error{Code::kUnavailable, ReasonOf(answer), {}};
  ASSIGN_OR_RETURN(const json::object object, ObjectOf(answer));
  const auto* id = object.if_contains("id");
  if (id == nullptr || !id->is_int64() || id->get_int64() < 0 ||
      id->get_int64() > std::numeric_limits<std::int32_t>::max()) {
    return Error{Code::kUnavailable, "the schema registry answers without an id of 32 bits", {}};
  }
  return static_cast<std::int32_t>(id->get_int64());
}

base::Result<core::RegisteredSchema> SchemaRegistry::Find(const core::SchemaReference& schema,
                                                          base::Deadline deadline) {
  const std::string path =
      schema.guid.empty() ? fmt::format("/schemas/ids/{}", schema.id) : fmt::format("/schemas/guids/{}", schema.guid);
  ASSIGN_OR_RETURN(const HttpAnswer answer, Ask(path, std::nullopt, deadline));
  ASSIGN_OR_RETURN(const json::object object, ObjectOf(answer));
  const auto* type = object.if_contains("schemaType");  // absent: Avro, the API's first
  return core::RegisteredSchema{type != nullptr && type->is_string() ? std::string(type->get_string()) : "AVRO"};
}

base::Status SchemaRegistry::Probe(base::Deadline deadline) {
  ASSIGN_OR_RETURN(const HttpAnswer answer, Ask("/config", std::nullopt, deadline));
  if (answer.status < 200 || answer.status > 299) return ErrorOf(answer);
  return {};
}

}  // namespace millrace::curl
