#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::core {

struct WebhookRequest {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

struct WebhookAnswer {
  int status = 0;  // of HTTP
  std::optional<std::chrono::seconds> retry_after;
};

/// The receiver of webhooks. Thread-safe.
class WebhookEndpoint {
 public:
  virtual ~WebhookEndpoint() = default;

  /// One POST; redirects are not followed. Any answer of HTTP is a value. An error is that there was none in time, and
  /// says why; the receiver may have the request nevertheless.
  virtual base::Result<WebhookAnswer> Post(const WebhookRequest& request, base::Deadline deadline) = 0;
};

}  // namespace millrace::core
