#include "http/dead_letter_json.h"

#include <string_view>

#include "http/message_json.h"
#include "http/problem.h"

namespace millrace::http {
namespace {

void WritePosition(JsonWriter& json, std::string_view name, const core::Position& position) {
  json.Key(name).BeginObject().Member("topic", position.topic).Member("partition", position.partition);
  json.Member("offset", position.offset).EndObject();
}

/// An id or version that is none.
void WriteNumber(JsonWriter& json, std::string_view name, std::int64_t number) {
  json.Key(name);
  if (number == 0) {
    json.Null();
  } else {
    json.Value(number);
  }
}

}  // namespace

void WriteDeadLetterMembers(JsonWriter& json, const core::DeadLetter& letter) {
  json.Member("id", letter.id);
  WriteNumber(json, "document_id", letter.document_id);
  WriteNumber(json, "version", letter.version);
  json.Key("error").BeginObject().Member("code", letter.error.code).Member("message", letter.error.message);
  json.Member("stage", letter.error.stage).EndObject();
  json.Member("attempts", letter.attempts).Member("failed_at", core::FormatTimestamp(letter.failed_at));
  json.Member("redrives", letter.redrives).Key("redriven_at");
  if (letter.redriven_at) {
    json.Value(core::FormatTimestamp(*letter.redriven_at));
  } else {
    json.Null();
  }
  WritePosition(json, "original", letter.original);
  json.Member("original_timestamp", core::FormatTimestamp(letter.original_timestamp));
  if (letter.position) {
    WritePosition(json, "position", *letter.position);
  } else {
    json.Key("position").Null();
  }
  json.Member("value_bytes", letter.value_bytes);
}

void WriteDeadLetterMessage(JsonWriter& json, const core::DeadLetter& letter, const core::RecordPayload& payload) {
  json.Key("message");
  WriteMessage(json, {letter.original, payload.key, payload.value, payload.headers, letter.original_timestamp});
}

void WriteRedriven(JsonWriter& json, const ingest::Redriven& redriven, bool dry_run) {
  const core::DeadLetter& letter = redriven.letter;
  json.BeginObject().Member("id", letter.id);
  WriteNumber(json, "document_id", letter.document_id);
  if (!redriven.refusal) {
    json.Member("result", dry_run ? "would_redrive" : "redriven");
  } else {
    json.Member("result", "refused").Key("error").BeginObject();
    WriteProblem(json, ToProblem(*redriven.refusal));
    json.EndObject();
  }
  json.EndObject();
}

}  // namespace millrace::http
