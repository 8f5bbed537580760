#pragma once

#include <optional>
#include <string>

#include "http/message.h"
#include "http/problem.h"
#include "http/server.h"

namespace millrace::http {

/// How an answer goes onto the wire. Internal to the server.
struct Framing {
  bool http_1_1 = true;
  bool keep_alive = true;
};

/// Its length is not known when it begins.
inline bool IsLong(const Response& response) { return response.next_part != nullptr || response.events != nullptr; }

/// Status line and header fields, with the empty line.
std::string FormatHead(const Response& response, Framing framing);

/// What makes a request unanswerable whatever it asks: transfer coding, Host, sizes, expectation.
std::optional<Problem> CheckHead(const Request& request, bool http_1_1, const ServerOptions& options);

}  // namespace millrace::http
