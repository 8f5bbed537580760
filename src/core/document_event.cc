#include "core/document_event.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <charconv>
#include <limits>
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

/// Reads digits only; -1 for anything else.
int ReadDigits(std::string_view text) {
  int number = -1;
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The form that FormatTimestamp writes, `2024-01-15T10:30:00.250Z`.
std::optional<Timestamp> ReadTimestamp(std::string_view text) {
  constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z";
  if (text.size() != kShape.size()) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '0' && text[i] != kShape[i]) return std::nullopt;
  }
  const int year = ReadDigits(text.substr(0, 4)), month = ReadDigits(text.substr(5, 2));
  const int day = ReadDigits(text.substr(8, 2)), hour = ReadDigits(text.substr(11, 2));
  const int minute = ReadDigits(text.substr(14, 2)), second = ReadDigits(text.substr(17, 2));
  const int millisecond = ReadDigits(text.substr(20, 3));
  if (year < 1970 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 || millisecond < 0)
    return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::milliseconds(millisecond);
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
  ASSIGN_OR_RETURN(const std::string at, ReadString(object, "", "at"));
  const std::optional<Timestamp> time = ReadTimestamp(at);
  if (!time) return Invalid("/at", "at must be a time such as 2024-01-15T10:30:00.250Z");
  event.at = *time;
  ASSIGN_OR_RETURN(event.error, ReadError(object));
  return event;
}

std::string DocumentKey(DocumentId id) { return fmt::format("doc_{}", id); }

}  // namespace millrace::core
