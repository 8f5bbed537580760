#include "http/codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <utility>

#include "base/utf8.h"
#include "core/filter.h"
#include "http/json_object.h"

namespace millrace::http {
namespace {

using Need = JsonObject::Need;

constexpr std::int64_t kMaxTopK = 1000;
constexpr std::int64_t kMaxQueryChars = 8192;  // the model reads 256 tokens

/// The document when neither its members nor the whole are wrong. Too large content stays 413.
Decoded<core::NewDocument> Checked(core::NewDocument document, JsonObject& object, const core::DocumentLimits& limits) {
  if (auto problem = object.problem()) return *problem;
  const auto valid = core::Validate(document, limits);
  if (!valid) return ToProblem(valid.error());
  return document;
}

core::Chunking DecodeChunking(JsonObject& object) {
  core::Chunking chunking;
  auto child = object.Object("chunking", Need::kNullable);
  if (!child) return chunking;
  if (const auto name = child->String("strategy", Need::kNullable)) {
    const auto strategy = core::ParseStrategy(*name);
    if (!strategy) child->AddError("strategy", "must be sentence, passage or whole");
    chunking.strategy = strategy.value_or(chunking.strategy);
  }
  if (const auto tokens = child->Integer("max_tokens", 16, 254, Need::kNullable)) {
    chunking.max_tokens = static_cast<int>(*tokens);
  }
  if (const auto tokens = child->Integer("overlap_tokens", 0, 127, Need::kNullable)) {
    chunking.overlap_tokens = static_cast<int>(*tokens);
  }
  child->RefuseOthers();
  return chunking;
}

std::string DecodeQuery(JsonObject& object, std::string_view name) {
  std::string query = object.String(name, Need::kRequired).value_or("");
  if (object.problem()) return query;
  if (base::TrimWhiteSpace(query).empty()) object.AddError(name, "must not be blank");
  if (base::CountCodePoints(query) > kMaxQueryChars) {
    object.AddError(name, fmt::format("must have at most {} characters", kMaxQueryChars));
  }
  return query;
}

}  // namespace

Decoded<core::NewDocument> DecodeContractDocument(std::string_view body, const core::DocumentLimits& limits) {
  auto parsed = JsonObject::Parse(body);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return *problem;
  JsonObject& object = std::get<JsonObject>(parsed);
  core::NewDocument document;
  document.title = object.String("title", Need::kRequired).value_or("");
  document.content = object.String("content", Need::kRequired).value_or("");
  document.chunking.strategy = core::ChunkStrategy::kSentence;
  return Checked(std::move(document), object, limits);
}

Decoded<core::NewDocument> DecodeDocument(std::string_view body, const core::DocumentLimits& limits) {
  auto parsed = JsonObject::Parse(body);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return *problem;
  JsonObject& object = std::get<JsonObject>(parsed);
  core::NewDocument document;
  document.title = object.String("title", Need::kNullable).value_or("");
  document.content = object.String("content", Need::kRequired).value_or("");
  document.key = object.String("key", Need::kNullable);
  if (const auto text = object.ObjectText("metadata", Need::kNullable)) {
    auto metadata = core::ParseMetadata(*text);
    if (metadata) {
      document.metadata = std::move(*metadata);
    } else {
      object.AddError(metadata.error());
    }
  }
  document.chunking = DecodeChunking(object);
  object.RefuseOthers();
  return Checked(std::move(document), object, limits);
}

Decoded<search::SearchRequest> DecodeContractSearch(std::string_view body) {
  auto parsed = JsonObject::Parse(body);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return *problem;
  JsonObject& object = std::get<JsonObject>(parsed);
  search::SearchRequest request;
  request.query = DecodeQuery(object, "question");
  request.top_k = static_cast<std::size_t>(object.Integer("top_k", 1, kMaxTopK, Need::kOptional).value_or(3));
  if (auto problem = object.problem()) return *problem;
  return request;
}

std::optional<core::Filter> TakeFilter(JsonObject& object, std::string_view name, std::string_view at) {
  const auto text = object.ObjectText(name, Need::kNullable);
  if (!text) return std::nullopt;
  auto filter = core::ParseFilter(*text);
  if (filter) return std::move(*filter);
  base::Error error = filter.error();
  error.field.replace(0, std::string_view("/filter").size(), at);
  object.AddError(error);
  return std::nullopt;
}

Decoded<search::SearchRequest> DecodeSearch(std::string_view body) {
  auto parsed = JsonObject::Parse(body);
  if (const auto* problem = std::get_if<Problem>(&parsed)) return *problem;
  JsonObject& object = std::get<JsonObject>(parsed);
  search::SearchRequest request;
  request.query = DecodeQuery(object, "query");
  request.top_k = static_cast<std::size_t>(object.Integer("top_k", 1, kMaxTopK, Need::kNullable).value_or(10));
  request.max_per_document =
      static_cast<std::size_t>(object.Integer("max_per_document", 1, kMaxTopK, Need::kNullable).value_or(0));
  request.min_score = static_cast<float>(object.Number("min_score", -1, 1, Need::kNullable).value_or(-1));
  request.filter = TakeFilter(object, "filter", "/filter");
  object.RefuseOthers();
  if (auto problem = object.problem()) return *problem;
  return request;
}

std::optional<Problem> CheckMediaType(const Request& request, MediaType expected) {
  const auto header = request.header("content-type");
  if (!header) return std::nullopt;
  std::string type = base::LowerAscii(base::TrimWhiteSpace(header->substr(0, header->find(';'))));
  if (expected == MediaType::kNdjson) {
    if (type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl")
      return std::nullopt;
    return Problem{415, "the Content-Type must be application/x-ndjson", {}};
  }
  if (type == "application/json" || (type.starts_with("application/") && type.ends_with("+json"))) return std::nullopt;
  return Problem{415, "the Content-Type must be application/json", {}};
}

Decoded<std::int64_t> DecodeInteger(std::string_view name, std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    return InvalidField(fmt::format("/{}", name), fmt::format("must be an integer from {} to {}", low, high));
  }
  return value;
}

Decoded<double> DecodeSeconds(std::string_view name, std::string_view text, double high) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= high)) {
    return InvalidField(fmt::format("/{}", name), fmt::format("must be a number of seconds from 0 to {}", high));
  }
  return value;
}

Decoded<core::Timestamp> DecodeTime(std::string_view name, std::string_view text) {
  const auto time = core::ParseTimestamp(text);
  if (!time) return InvalidField(fmt::format("/{}", name), "must be a time such as 2026-01-15T10:30:00Z");
  return *time;
}

Decoded<bool> DecodeBool(std::string_view name, std::string_view text) {
  const std::string word = base::LowerAscii(text);
  for (const char* yes : {"true", "1", "yes", "on", "t", "y"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"false", "0", "no", "off", "f", "n"}) {
    if (word == no) return false;
  }
  return InvalidField(fmt::format("/{}", name), "must be true or false");
}

Decoded<core::DocumentId> DecodeDocumentId(const Request& request, std::string_view name) {
  const std::string_view text = Find(request.path_params, name).value_or("");
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return InvalidField(fmt::format("/{}", name), "must be an integer");
  }
  auto id = DecodeInteger(name, text, 1, std::numeric_limits<core::DocumentId>::max());
  if (std::holds_alternative<Problem>(id)) return Problem{404, "there is no document with this id", {}};
  return id;
}

std::optional<Problem> CheckQuery(const Request& request, std::initializer_list<std::string_view> known) {
  constexpr std::size_t kMaxShown = 100;
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    const std::string& name = request.query[i].first;
    bool found = false;
    for (const std::string_view candidate : known) found = found || candidate == name;
    if (!found) {
      const std::string_view shown =
          std::string_view(name).substr(0, base::FloorToCodePoint(name, std::min(name.size(), kMaxShown)));
      return Problem{422, fmt::format("{} is not a query parameter known here", shown), {}};
    }
    if (Find(request.query, name)->data() != request.query[i].second.data()) {
      return InvalidField("/" + name, "must not be given twice");
    }
  }
  return std::nullopt;
}

}  // namespace millrace::http
