#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::cli {

/// Where the server is and who we are to it.
struct Connection {
  std::string url;      // without a slash at its end
  std::string api_key;  // empty: none is sent
};

struct Request {
  std::string_view method = "GET";
  std::string path = {};  // with its query, percent-encoded: "/v1/documents?limit=10"
  std::string_view content_type = {};
  std::string_view body = {};
  long timeout_seconds = 30;
  bool once = false;                 // never let the transport send it twice: needs a connection of its own
  std::string idempotency_key = {};  // by which the server knows a request that it is sent twice; empty: none
};

struct Response {
  int status = 0;
  std::string body;
  std::optional<double> retry_after_seconds;
};

/// One keep-alive connection. Not thread-safe; cheap enough for one per thread.
class HttpClient {
 public:
  explicit HttpClient(Connection connection);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Any HTTP answer is a value. Errors: kUnavailable when nothing was sent (no server there), kDeadlineExceeded when
  /// the connection was lost or the time ran out, so that the server may have done it; kTooLarge for an answer > 64
  /// MiB.
  base::Result<Response> Send(const Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `text` with everything but unreserved characters percent-encoded.
std::string EncodeQueryValue(std::string_view text);

}  // namespace millrace::cli
