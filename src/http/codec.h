#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/document.h"
#include "core/filter.h"
#include "core/limits.h"
#include "http/json_object.h"
#include "http/problem.h"
#include "search/search.h"

namespace millrace::http {

/// What a request's body or parameter means, or the answer that says why it means nothing.
template <typename T>
using Decoded = std::variant<T, Problem>;

/// Contract: `{"title":str,"content":str}`, both needed, other members ignored. Chunked by sentence.
Decoded<core::NewDocument> DecodeContractDocument(std::string_view body, const core::DocumentLimits& limits);

/// /v1: `{"content", "title"?, "key"?, "metadata"?, "chunking"?}`, other members refused by name.
Decoded<core::NewDocument> DecodeDocument(std::string_view body, const core::DocumentLimits& limits);

/// Contract: `{"question":str,"top_k":int=3}`, other members ignored.
Decoded<search::SearchRequest> DecodeContractSearch(std::string_view body);

/// /v1: `{"query","top_k"?=10,"min_score"?,"filter"?}`, other members refused by name.
Decoded<search::SearchRequest> DecodeSearch(std::string_view body);

/// The condition in the member `name`, if there is one; what is wrong with it is said of what lies at the pointer `at`.
std::optional<core::Filter> TakeFilter(JsonObject& object, std::string_view name, std::string_view at);

/// 415 for a body of another media type than `expected` (`json` also takes any `+json`); a missing Content-Type will
/// do.
enum class MediaType { kJson, kNdjson };
std::optional<Problem> CheckMediaType(const Request& request, MediaType expected);

/// Parameters of path and query. Decimal digits only, within [low, high].
Decoded<std::int64_t> DecodeInteger(std::string_view name, std::string_view text, std::int64_t low, std::int64_t high);
Decoded<double> DecodeSeconds(std::string_view name, std::string_view text, double high);
/// RFC 3339, of the year 1970 or later.
Decoded<core::Timestamp> DecodeTime(std::string_view name, std::string_view text);
/// `true`, `1`, `yes`, `on`, `t`, `y` and their opposites, in any case.
Decoded<bool> DecodeBool(std::string_view name, std::string_view text);

/// The id in a path. A number that can be no id is unknown (404), anything else is 422.
Decoded<core::DocumentId> DecodeDocumentId(const Request& request, std::string_view name);

/// 422 for query parameters that are not in `known`, or come twice.
std::optional<Problem> CheckQuery(const Request& request, std::initializer_list<std::string_view> known);

}  // namespace millrace::http
