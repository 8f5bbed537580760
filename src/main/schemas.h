#pragma once

#include <memory>

#include "adapters/curl/schema_registry.h"
#include "admin/health_probes.h"
#include "base/metrics.h"
#include "core/log.h"
#include "ingest/message_schemas.h"
#include "main/config.h"

namespace millrace::app {

/// The schema registry, where one is configured; else nothing of it.
class Schemas {
 public:
  /// Registers; waits a moment for the registry. `producer` is what Millrace's own messages go through.
  Schemas(const Config& config, core::LogProducer& producer, base::Metrics& metrics);

  void Stop();

  core::LogProducer& producer() { return marking_ ? *marking_ : producer_; }
  ingest::MessageSchemas* messages() { return messages_.get(); }
  admin::Probe Probe();  // none without a registry

 private:
  core::LogProducer& producer_;
  std::unique_ptr<curl::SchemaRegistry> registry_;
  std::unique_ptr<ingest::MessageSchemas> messages_;
  std::unique_ptr<ingest::MarkingProducer> marking_;
};

}  // namespace millrace::app
