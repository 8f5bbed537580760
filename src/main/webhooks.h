#pragma once

#include <memory>

#include "base/metrics.h"
#include "base/result.h"
#include "core/store_admin.h"
#include "core/webhook.h"
#include "ingest/webhook_dispatcher.h"
#include "main/backend.h"
#include "main/config.h"

namespace millrace::app {

/// Sends what becomes of documents to the URL of the configuration; does nothing where there is none.
class Webhooks {
 public:
  Webhooks(const Config& config, const Backend& backend, const core::StoreIdentity& store, base::Metrics& metrics);

  base::Status Start();
  void Stop();

 private:
  std::unique_ptr<core::WebhookEndpoint> endpoint_;
  std::unique_ptr<ingest::WebhookDispatcher> dispatcher_;
};

}  // namespace millrace::app
