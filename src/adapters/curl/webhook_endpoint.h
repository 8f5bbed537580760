#pragma once

#include <memory>
#include <string>

#include "core/webhook.h"

namespace millrace::curl {

/// One URL, `http` or `https`; of the latter the certificate is verified. Connections are kept and shared.
class WebhookEndpoint final : public core::WebhookEndpoint {
 public:
  explicit WebhookEndpoint(std::string url);
  ~WebhookEndpoint() override;

  base::Result<core::WebhookAnswer> Post(const core::WebhookRequest& request, base::Deadline deadline) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Scheme, host and port: the rest of a URL may be a secret. kInvalidArgument when it is no URL of HTTP.
base::Result<std::string> OriginOf(const std::string& url);

}  // namespace millrace::curl
