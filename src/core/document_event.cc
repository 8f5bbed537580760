#include "core/document_event.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <utility>

#include "core/invalid.h"

namespace millrace::core {
namespace {

namespace json = boost::json;

const json::value* Find(const json::object& object, std::string_view name) { return object.if_contains(name); }

base::Result<std::int64_t> ReadInteger(const json::object& object, std::string_view name, std::int64_t lowest) {
  const json::value* value = Find(object, name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < lowest) {
    return Invalid(fmt::format("/{}", name), fmt::format("{} must be an integer of at least {}", name, lowest));
  }
  return value->get_int64();
}

base::Result<std::string> ReadString(const json::object& object, std::string_view parent, std::string_view name) {
  const json::value* value = Find(object, name);
  if (value == nullptr || !value->is_string()) {
    return Invalid(fmt::format("{}/{}", parent, name), fmt::format("{} must be a string", name));
  }
  return std::string(value->get_string());
}

/// The form that FormatTimestamp writes, `2024-01-15T10:30:00.250Z`; nothing when the member is not there.
base::Result<std::optional<Timestamp>> ReadTime(const json::object& object, std::string_view parent,
                                                std::string_view name) {
  const json::value* value = Find(object, name);
  if (value == nullptr || value->is_null()) return std::optional<Timestamp>();
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    if (const auto time = ParseTimestamp(text); time && FormatTimestamp(*time) == text) return time;
  }
  return Invalid(fmt::format("{}/{}", parent, name),
                 fmt::format("{} must be a time such as 2024-01-15T10:30:00.250Z", name));
}

base::Result<StepTimes> ReadSteps(const json::object& object) {
  StepTimes steps;
  const json::value* value = Find(object, "steps");
  if (value == nullptr || value->is_null()) return steps;
  if (!value->is_object()) return Invalid("/steps", "steps must be an object");
  const json::object& members = value->get_object();
  ASSIGN_OR_RETURN(steps.received, ReadTime(members, "/steps", "received"));
  ASSIGN_OR_RETURN(steps.chunked, ReadTime(members, "/steps", "chunked"));
  ASSIGN_OR_RETURN(steps.embedded, ReadTime(members, "/steps", "embedded"));
  ASSIGN_OR_RETURN(steps.stored, ReadTime(members, "/steps", "stored"));
  return steps;
}

json::object FormatSteps(const StepTimes& steps) {
  json::object object;
  const auto add = [&](std::string_view name, const std::optional<Timestamp>& time) {
    if (time) object[name] = FormatTimestamp(*time);
  };
  add("received", steps.received);
  add("chunked", steps.chunked);
  add("embedded", steps.embedded);
  add("stored", steps.stored);
  return object;
}

base::Result<std::optional<DocumentError>> ReadError(const json::object& object) {
  const json::value* value = Find(object, "error");
  if (value == nullptr || value->is_null()) return std::optional<DocumentError>();
  if (!value->is_object()) return Invalid("/error", "error must be an object");
  const json::object& members = value->get_object();
  DocumentError error;
  ASSIGN_OR_RETURN(error.code, ReadString(members, "/error", "code"));
  ASSIGN_OR_RETURN(error.message, ReadString(members, "/error", "message"));
  ASSIGN_OR_RETURN(error.stage, ReadString(members, "/error", "stage"));
  return std::optional<DocumentError>(std::move(error));
}

}  // namespace

std::string FormatEvent(const DocumentEvent& event) {
  const std::string_view status = StatusName(event.status);
  json::object object;
  object["event"] = fmt::format("document.{}", status);
  object["document_id"] = event.document_id;
  object["version"] = event.version;
  object["revision"] = event.revision;
  object["status"] = json::string(status);
  object["chunks"] = event.chunks;
  object["at"] = FormatTimestamp(event.at);
  if (event.next_attempt_at) object["next_attempt_at"] = FormatTimestamp(*event.next_attempt_at);
  if (json::object steps = FormatSteps(event.steps); !steps.empty()) object["steps"] = std::move(steps);
  if (event.error) {
    object["error"] =
        json::object{{"code", event.error->code}, {"message", event.error->message}, {"stage", event.error->stage}};
  }
  return json::serialize(object);
}

base::Result<DocumentEvent> ParseEvent(std::string_view text) {
  boost::system::error_code failure;
  const json::value root = json::parse(text, failure);
  if (failure) return Invalid("", fmt::format("an event must be a JSON object: {}", failure.message()));
  if (!root.is_object()) return Invalid("", "an event must be a JSON object");
  const json::object& object = root.get_object();
  DocumentEvent event;
  ASSIGN_OR_RETURN(const std::string status_name, ReadString(object, "", "status"));
  const std::optional<DocumentStatus> status = ParseStatus(status_name);
  if (!status) return Invalid("/status", "status must be the name of a document status");
  ASSIGN_OR_RETURN(const std::string name, ReadString(object, "", "event"));
  if (name != "document." + status_name) return Invalid("/event", "event must be `document.` and the status");
  event.status = *status;
  ASSIGN_OR_RETURN(event.document_id, ReadInteger(object, "document_id", 1));
  ASSIGN_OR_RETURN(event.version, ReadInteger(object, "version", 0));
  ASSIGN_OR_RETURN(event.revision, ReadInteger(object, "revision", 0));
  ASSIGN_OR_RETURN(event.chunks, ReadInteger(object, "chunks", 0));
  ASSIGN_OR_RETURN(const std::optional<Timestamp> at, ReadTime(object, "", "at"));
  if (!at) return Invalid("/at", "at is missing");
  event.at = *at;
  ASSIGN_OR_RETURN(event.next_attempt_at, ReadTime(object, "", "next_attempt_at"));
  ASSIGN_OR_RETURN(event.steps, ReadSteps(object));
  ASSIGN_OR_RETURN(event.error, ReadError(object));
  return event;
}

std::string DocumentKey(DocumentId id) { return fmt::format("doc_{}", id); }

}  // namespace millrace::core
