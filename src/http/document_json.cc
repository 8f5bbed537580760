#include "http/document_json.h"

#include "core/metadata.h"

namespace millrace::http {
namespace {

void WriteTime(JsonWriter& json, std::string_view name, const std::optional<core::Timestamp>& time) {
  json.Key(name);
  if (time) {
    json.Value(core::FormatTimestamp(*time));
  } else {
    json.Null();
  }
}

void WriteError(JsonWriter& json, const std::optional<core::DocumentError>& error) {
  json.Key("error");
  if (!error) {
    json.Null();
    return;
  }
  json.BeginObject().Member("code", error->code).Member("message", error->message).Member("stage", error->stage);
  json.EndObject();
}

void WritePosition(JsonWriter& json, const std::optional<core::Position>& position) {
  json.Key("position");
  if (!position) {
    json.Null();
    return;
  }
  json.BeginObject().Member("topic", position->topic).Member("partition", position->partition);
  json.Member("offset", position->offset).EndObject();
}

void WriteChunking(JsonWriter& json, const core::Chunking& chunking) {
  json.Key("chunking").BeginObject().Member("strategy", core::StrategyName(chunking.strategy));
  json.Member("max_tokens", chunking.max_tokens).Member("overlap_tokens", chunking.overlap_tokens).EndObject();
}

}  // namespace

void WriteDocumentMembers(JsonWriter& json, const core::DocumentRecord& record, bool searchable) {
  json.Member("id", record.id).Member("key", record.key).Member("title", record.title);
  json.Member("status", core::StatusName(record.status)).Member("version", record.version);
  json.Member("indexed_version", record.indexed_version).Member("searchable", searchable);
  json.Member("chunks", record.chunk_count).Member("content_bytes", record.content_bytes);
  json.Member("attempts", record.attempts);
  WriteTime(json, "next_attempt_at", record.next_attempt_at);
  json.Key("metadata").Raw(core::FormatMetadata(record.metadata));
  WriteChunking(json, record.chunking);
  json.Member("created_at", core::FormatTimestamp(record.created_at));
  json.Member("updated_at", core::FormatTimestamp(record.updated_at));
  json.Key("steps").BeginObject();
  WriteTime(json, "received", record.steps.received);
  WriteTime(json, "chunked", record.steps.chunked);
  WriteTime(json, "embedded", record.steps.embedded);
  WriteTime(json, "stored", record.steps.stored);
  json.EndObject();
  WriteError(json, record.error);
  json.Member("warning", record.warning);
  WritePosition(json, record.position);
}

void WriteVersion(JsonWriter& json, const core::KeptVersion& version, bool newest) {
  json.BeginObject().Member("version", version.version).Member("title", version.title);
  json.Member("newest", newest).Member("indexed", version.indexed).Member("content_bytes", version.content_bytes);
  json.Key("metadata").Raw(core::FormatMetadata(version.metadata));
  WriteChunking(json, version.chunking);
  WriteTime(json, "overtaken_at", version.overtaken_at);
  std::optional<core::Timestamp> kept_until;
  if (version.overtaken_at) kept_until = *version.overtaken_at + core::kOvertakenKept;
  WriteTime(json, "kept_until", kept_until);
  json.EndObject();
}

void WriteChunk(JsonWriter& json, const core::StoredChunk& stored) {
  json.BeginObject().Member("id", stored.id).Member("index", stored.chunk.index).Member("text", stored.chunk.text);
  json.Key("range").BeginObject().Member("start", stored.chunk.char_start).Member("end", stored.chunk.char_end);
  json.EndObject().EndObject();
}

std::string_view ResultName(core::AcceptKind kind) {
  switch (kind) {
    case core::AcceptKind::kCreated: return "created";
    case core::AcceptKind::kUpdated: return "updated";
    case core::AcceptKind::kUnchanged: return "unchanged";
  }
  return "created";
}

}  // namespace millrace::http
