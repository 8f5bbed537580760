#include "http/message_json.h"

#include <fmt/core.h>

#include <utility>

#include "base/base64.h"
#include "base/utf8.h"
#include "http/json_object.h"

namespace millrace::http {
namespace {

using Need = JsonObject::Need;

void WriteBytes(JsonWriter& json, std::string_view name, std::string_view encoding, std::string_view bytes) {
  if (base::IsValidUtf8(bytes)) {
    json.Member(name, bytes);
  } else {
    json.Member(name, base::EncodeBase64(bytes)).Member(encoding, "base64");
  }
}

/// Kafka's rule is that names are text; clients that break it are shown, not believed.
std::string ReadableName(std::string_view name) {
  std::string text;
  for (std::size_t at = 0; at < name.size();) {
    const base::CodePoint point = base::DecodeCodePoint(name, at);
    text += point.valid ? name.substr(at, point.size) : std::string_view("\uFFFD");
    at += point.size;
  }
  return text;
}

void TakeValue(JsonObject& object, core::LogRecord& record) {
  const auto text = object.AnyText("value");
  const auto base64 = object.String("value_base64", Need::kNullable);
  if (text && base64) {
    object.AddError("value_base64", "must not be given beside value");
  } else if (base64) {
    record.value = base::DecodeBase64(*base64);
    if (!record.value) object.AddError("value_base64", "must be base64 (RFC 4648, with padding)");
  } else if (text) {
    record.value = *text;
  } else {
    object.AddError("value", "is missing; null sends a message without value");
  }
}

}  // namespace

void WriteMessage(JsonWriter& json, const core::LogRecord& record) {
  json.BeginObject().Member("topic", record.position.topic).Member("partition", record.position.partition);
  json.Member("offset", record.position.offset).Member("timestamp", core::FormatTimestamp(record.timestamp));
  if (record.key) {
    WriteBytes(json, "key", "key_encoding", *record.key);
  } else {
    json.Key("key").Null();
  }
  if (record.value) {
    WriteBytes(json, "value", "encoding", *record.value);
  } else {
    json.Key("value").Null();
  }
  json.Key("headers").BeginArray();
  for (const core::RecordHeader& header : record.headers) {
    json.BeginObject().Member("name", ReadableName(header.name));
    WriteBytes(json, "value", "encoding", header.value);
    json.EndObject();
  }
  json.EndArray().EndObject();
}

Decoded<core::LogRecord> DecodeMessage(std::string_view body, std::int32_t partitions) {
  auto parsed = JsonObject::Parse(body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  core::LogRecord record;
  record.timestamp = core::Now();
  record.key = object.String("key", Need::kNullable);
  TakeValue(object, record);
  for (auto& [name, value] : object.Strings("headers", false)) {
    if (name.empty()) {
      object.AddError("headers", "must not have an empty name");
    } else if (value) {
      record.headers.push_back({name, std::move(*value)});
    }
  }
  const auto partition = object.Integer("partition", 0, partitions - 1, Need::kNullable);
  record.position.partition = static_cast<std::int32_t>(partition.value_or(-1));
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return record;
}

}  // namespace millrace::http
