#pragma once

#include <string>

#include "adapters/curl/http_session.h"
#include "core/webhook.h"

namespace millrace::curl {

/// One URL, `http` or `https`; of the latter the certificate is verified. Connections are kept and shared.
class WebhookEndpoint final : public core::WebhookEndpoint {
 public:
  explicit WebhookEndpoint(std::string url);

  base::Result<core::WebhookAnswer> Post(const core::WebhookRequest& request, base::Deadline deadline) override;

 private:
  HttpSession session_;
};

}  // namespace millrace::curl
