#include "main/webhooks.h"

#include <utility>

#include "adapters/curl/webhook_endpoint.h"
#include "base/log.h"
#include "ingest/retry_topics.h"

namespace millrace::app {
namespace {

/// All of it was checked when it was set.
ingest::WebhookOptions OptionsOf(const Config& config) {
  ingest::WebhookOptions options;
  options.secret = config.webhook_secret;
  options.statuses = ingest::ParseWebhookEvents(config.webhook_events).value();
  const auto delays = ingest::ParseRetryDelays(config.webhook_retry_delays).value();
  for (const ingest::RetryTopic& delay : delays) options.retry_delays.push_back(delay.delay);
  return options;
}

}  // namespace

Webhooks::Webhooks(const Config& config, const Backend& backend, const core::StoreIdentity& store,
                   base::Metrics& metrics) {
  if (config.webhook_url.empty()) return;
  base::LogInfo("events go to {}{}", curl::OriginOf(config.webhook_url).value(),
                config.webhook_secret.empty() ? ", unsigned: there is no --webhook-secret-file" : "");
  endpoint_ = std::make_unique<curl::WebhookEndpoint>(config.webhook_url);
  dispatcher_ = std::make_unique<ingest::WebhookDispatcher>(
      backend.new_consumer(core::kWebhooksGroup),
      ingest::WebhookDispatcher::Ports{*endpoint_, backend.effects, backend.dead_letters}, store, OptionsOf(config),
      metrics);
}

base::Status Webhooks::Start() { return dispatcher_ ? dispatcher_->Start() : base::Status(); }

void Webhooks::Stop() {
  if (dispatcher_) dispatcher_->Stop();
}

}  // namespace millrace::app
