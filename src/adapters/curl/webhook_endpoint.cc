#include "adapters/curl/webhook_endpoint.h"

#include <utility>

namespace millrace::curl {
namespace {

constexpr std::size_t kMostDropped = 1 << 20;  // of an answer, of which nothing is used

}  // namespace

WebhookEndpoint::WebhookEndpoint(std::string url) : session_(std::move(url), kMostDropped) {}

base::Result<core::WebhookAnswer> WebhookEndpoint::Post(const core::WebhookRequest& request, base::Deadline deadline) {
  ASSIGN_OR_RETURN(const HttpAnswer answer, session_.Send({"", request.headers, request.body}, deadline));
  return core::WebhookAnswer{answer.status, answer.retry_after};
}

}  // namespace millrace::curl
