#include "ingest/upload_message.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <utility>

#include "base/utf8.h"
#include "core/document_event.h"
#include "core/limits.h"
#include "core/schema_registry.h"

namespace millrace::ingest {
namespace {

namespace json = boost::json;
using base::Code;
using base::Error;

base::Result<std::int64_t> RequireDocumentId(const json::object& message) {
  const json::value* id = message.if_contains("document_id");
  if (id == nullptr) return Error{Code::kInvalidArgument, "document_id is missing", "/document_id"};
  const auto* number = id->if_int64();
  if (number == nullptr || *number <= 0) {
    return Error{Code::kInvalidArgument, "document_id must be a positive integer", "/document_id"};
  }
  return *number;
}

std::optional<std::string> OptionalString(const json::object& message, std::string_view name) {
  const json::value* value = message.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return std::string(value->get_string());
}

}  // namespace

core::LogRecord EncodeUpload(const core::OutboxRow& row, const core::StoreIdentity& store) {
  json::object message;
  message["document_id"] = row.document_id;
  message["title"] = row.title;
  message["content"] = row.content.value_or("");
  message["status"] = "pending";
  message["created_at"] = core::FormatMessageTimestamp(row.created_at);
  std::string value = json::serialize(message);
  // Escapes can make a text of control characters six times as long as it is.
  if (!row.content || value.size() > kMaxMessageBytes) {
    message["content"] = "";
    message["content_ref"] = {{"document_id", row.document_id},
                              {"version", row.version},
                              {"bytes", row.content_bytes},
                              {"sha256", row.content_hash}};
    value = json::serialize(message);
  }
  core::LogRecord record;
  record.position.topic = row.topic;
  record.key = core::DocumentKey(row.document_id);
  record.value = std::move(value);
  record.headers = OwnHeaders(row.version, store);
  record.timestamp = core::Now();
  return record;
}

base::Result<Upload> DecodeUpload(const core::LogRecord& record, const core::StoreIdentity& store) {
  if (!record.value) return Error{Code::kInvalidArgument, "the message has no value", {}};
  boost::system::error_code error;
  const json::value value = json::parse(core::Payload(*record.value), error);
  if (error) return Error{Code::kInvalidArgument, fmt::format("the message is not JSON: {}", error.message()), {}};
  if (!value.is_object()) return Error{Code::kInvalidArgument, "the message must be a JSON object", {}};
  const json::object& message = value.get_object();

  Upload upload;
  ASSIGN_OR_RETURN(upload.work.id, RequireDocumentId(message));
  upload.trace = ReadTrace(record, store);
  // A redriven record that is no version of anything is news, else it would be older than what it is to repair.
  const bool is_news = upload.trace.version == 0 && upload.trace.dead_letter > 0;
  upload.work.position = is_news ? record.position : upload.trace.original;
  upload.work.timestamp = is_news ? record.timestamp : upload.trace.original_timestamp;
  upload.work.dead_letter = upload.trace.dead_letter;
  std::optional<std::string> content = OptionalString(message, "content");

  if (upload.trace.version > 0) {
    upload.work.version = upload.trace.version;
    if (const json::value* ref = message.if_contains("content_ref"); ref != nullptr && ref->is_object()) {
      const json::value* bytes = ref->get_object().if_contains("bytes");
      upload.content_bytes = bytes != nullptr && bytes->is_int64() ? bytes->get_int64() : 0;
    } else if (content) {
      upload.content_bytes = static_cast<std::int64_t>(content->size());
      upload.content = std::move(content);
    }
    return upload;
  }

  if (upload.trace.of_earlier_epoch && message.contains("content_ref")) {
    return Error{Code::kInvalidArgument, "its content was kept in the store, which was restored from a backup since",
                 "/content_ref"};
  }
  if (!content) return Error{Code::kInvalidArgument, "content is missing or not a string", "/content"};
  core::NewDocument document;
  const std::optional<std::string> title = OptionalString(message, "title");
  // A title that the column cannot hold must not cost the document.
  document.title = std::string(base::FirstCodePoints(title.value_or(""), core::DocumentLimits{}.max_title_chars));
  document.content = std::move(*content);
  RETURN_IF_ERROR(core::Validate(document, core::DocumentLimits{}));
  upload.content_bytes = static_cast<std::int64_t>(document.content.size());
  if (title) upload.work.title = std::move(document.title);
  upload.work.content = std::move(document.content);
  upload.work.chunking.strategy = core::ChunkStrategy::kSentence;  // as the contract's own documents are cut
  return upload;
}

Upload TakeUpload(core::LogRecord record, const core::StoreIdentity& store) {
  auto decoded = DecodeUpload(record, store);
  Upload upload;
  if (decoded) {
    upload = std::move(*decoded);
  } else {
    upload.trace = ReadTrace(record, store);
    upload.bad = core::DocumentError{"bad_message", decoded.error().message, "decode"};
  }
  upload.record = std::move(record);
  return upload;
}

}  // namespace millrace::ingest
