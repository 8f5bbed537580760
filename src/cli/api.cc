#include "cli/api.h"

#include <fmt/core.h>

#include <boost/json.hpp>

namespace millrace::cli {
namespace json = boost::json;
namespace {

base::Code CodeOf(int status) {
  switch (status) {
    case 404: return base::Code::kNotFound;
    case 409: return base::Code::kConflict;
    case 413: return base::Code::kTooLarge;
    case 429:
    case 503: return base::Code::kOverloaded;
    default: return status < 500 ? base::Code::kInvalidArgument : base::Code::kInternal;
  }
}

}  // namespace

base::Result<json::value> Call(HttpClient& client, const Request& request) {
  ASSIGN_OR_RETURN(const Response response, client.Send(request));
  return ReadAnswer(response);
}

base::Result<json::value> ReadAnswer(const Response& response) {
  if (response.status < 200 || response.status > 299) {
    return base::Error{CodeOf(response.status), DescribeProblem(response.status, response.body), {}};
  }
  auto value = ParseJson(response.body);
  if (!value || !value->is_object()) {
    return base::Error{base::Code::kCorrupt, "the answer is not JSON as Millrace writes it: is this its server?", {}};
  }
  return value;
}

std::string DescribeProblem(const json::object& problem) {
  std::string text = TextAt(problem, "detail");
  if (text.empty()) text = TextAt(problem, "title");
  const json::value* errors = problem.if_contains("errors");
  if (errors == nullptr || !errors->is_array()) return text;
  std::string fields;
  for (const json::value& item : errors->get_array()) {
    if (!item.is_object()) continue;
    const std::string detail = TextAt(item.get_object(), "detail");
    if (text.find(detail) != std::string::npos) continue;  // it is what was said already
    fields += fmt::format("{}{}: {}", fields.empty() ? "" : "; ", TextAt(item.get_object(), "pointer"), detail);
  }
  return fields.empty() ? text : fmt::format("{} ({})", text, fields);
}

std::string DescribeProblem(int status, std::string_view body) {
  std::string text;
  if (const auto problem = ParseJson(body); problem && problem->is_object()) {
    text = DescribeProblem(problem->get_object());
  }
  if (text.empty()) text = fmt::format("the server answered with HTTP status {}", status);
  if (status == 401) text += " (give a key with --api-key or --api-key-file)";
  return text;
}

base::Result<json::value> ParseJson(std::string_view text) {
  json::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return base::Error{base::Code::kInvalidArgument, "not JSON: " + error.message(), {}};
  return value;
}

std::string FormatJson(const json::value& value) {
  std::string text;
  if (value.is_double()) return fmt::format("{}", value.get_double());
  if (value.is_array()) {
    for (const json::value& item : value.get_array()) text += (text.empty() ? "" : ",") + FormatJson(item);
    return "[" + text + "]";
  }
  if (value.is_object()) {
    for (const auto& [name, member] : value.get_object()) {
      text += (text.empty() ? "" : ",") + json::serialize(name) + ":" + FormatJson(member);
    }
    return "{" + text + "}";
  }
  return json::serialize(value);
}

std::string TextAt(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

int64_t IntegerAt(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  if (value == nullptr) return 0;
  json::error_code error;
  const auto number = value->to_number<int64_t>(error);
  return error ? 0 : number;
}

double NumberAt(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  if (value == nullptr) return 0;
  json::error_code error;
  const auto number = value->to_number<double>(error);
  return error ? 0 : number;
}

const json::object& ObjectAt(const json::object& object, std::string_view member) {
  static const json::object kEmpty;
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  return value != nullptr && value->is_object() ? value->get_object() : kEmpty;
}

const json::array& ArrayAt(const json::object& object, std::string_view member) {
  static const json::array kEmpty;
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  return value != nullptr && value->is_array() ? value->get_array() : kEmpty;
}

std::string NumberText(const json::object& object, std::string_view member, std::string_view none) {
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  const bool number = value != nullptr && value->is_number();
  return number ? std::to_string(IntegerAt(object, member)) : std::string(none);
}

}  // namespace millrace::cli
