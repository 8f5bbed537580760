#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "core/document.h"
#include "http/message.h"
#include "http/problem.h"
#include "http/router.h"
#include "ingest/keyed_requests.h"

namespace millrace::http {

/// Writes, which may come with an idempotency key.
bool MayBeKeyed(const Route& route);

/// What the request's key and its caller are known by (core::RequestClaim::id), empty without the header; 400 for one
/// that is not 1 to 255 printable ASCII characters.
std::variant<std::string, Problem> KeyedAs(const Request& request, std::string_view caller);

/// Carries each request with a key out once: a repeated one is given the first answer. Answers that are no success are
/// not kept, nor are those too large for it; such a request runs again, on the documents that it accepted before.
Handler Once(ingest::KeyedRequests& requests, Handler handler);

/// For a document that a request brings; nothing when it has no key.
std::optional<core::RequestPart> PartOf(const Request& request, std::int64_t line);

}  // namespace millrace::http
