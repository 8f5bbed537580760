#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::curl {

struct HttpRequest {
  std::string path = {};  // after the session's URL
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::optional<std::string_view> body = {};  // POSTed; none: GET
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::optional<std::chrono::seconds> retry_after = {};
};

/// Requests to one server of others, with kept connections. Redirects are not followed, certificates are verified.
/// Thread-safe.
class HttpSession {
 public:
  /// `url` as OriginOf takes it. Of an answer's body no more than `max_body_bytes` is taken; what is longer is an
  /// error.
  HttpSession(std::string url, std::size_t max_body_bytes);
  ~HttpSession();

  /// Any answer of HTTP is a value; kUnavailable: there was none in time, and why, after the URL's origin.
  base::Result<HttpAnswer> Send(const HttpRequest& request, base::Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Scheme, host and port: the rest of a URL may be a secret. kInvalidArgument when it is no URL of HTTP.
base::Result<std::string> OriginOf(const std::string& url);

}  // namespace millrace::curl
