#include "http/problem.h"

#include <fmt/core.h>

#include "http/json_writer.h"
#include "http/reason.h"

namespace millrace::http {
namespace {

constexpr char kRetryAfterSeconds[] = "1";

int StatusOf(base::Code code) {
  switch (code) {
    case base::Code::kInvalidArgument: return 422;
    case base::Code::kNotFound: return 404;
    case base::Code::kConflict: return 409;
    case base::Code::kTooLarge: return 413;
    case base::Code::kOverloaded:
    case base::Code::kUnavailable:
    case base::Code::kDeadlineExceeded: return 503;
    case base::Code::kCorrupt:
    case base::Code::kInternal: return 500;
  }
  return 500;
}

}  // namespace

Problem ToProblem(const base::Error& error) {
  Problem problem{StatusOf(error.code), error.message, {}};
  if (!error.field.empty()) problem.errors.push_back({error.field, error.message});
  return problem;
}

void WriteProblem(JsonWriter& json, const Problem& problem) {
  json.Member("status", problem.status).Member("detail", problem.detail);
  if (problem.errors.empty()) return;
  json.Key("errors").BeginArray();
  for (const FieldError& error : problem.errors) {
    json.BeginObject().Member("pointer", error.pointer).Member("detail", error.detail).EndObject();
  }
  json.EndArray();
}

Response ToResponse(const Problem& problem) {
  JsonWriter json;
  json.BeginObject().Member("type", "about:blank").Member("title", ReasonPhrase(problem.status));
  WriteProblem(json, problem);
  json.EndObject();
  Response response;
  response.status = problem.status;
  response.content_type = "application/problem+json";
  response.body = std::move(json).Take();
  if (problem.status == 503) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

Response ToResponse(const base::Error& error) { return ToResponse(ToProblem(error)); }

Problem InvalidField(std::string pointer, std::string detail) {
  const std::string name = pointer.empty() ? "the body" : pointer.substr(1);
  return {422, fmt::format("{} {}", name, detail), {{std::move(pointer), std::move(detail)}}};
}

}  // namespace millrace::http
