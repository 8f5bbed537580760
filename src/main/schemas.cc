#include "main/schemas.h"

#include "base/log.h"
#include "http/assets.h"

namespace millrace::app {

Schemas::Schemas(const Config& config, core::LogProducer& producer, base::Metrics& metrics) : producer_(producer) {
  if (config.schema_registry_url.empty()) return;
  base::LogInfo("schemas are registered at {}", curl::OriginOf(config.schema_registry_url).value());
  registry_ = std::make_unique<curl::SchemaRegistry>(config.schema_registry_url);
  messages_ = std::make_unique<ingest::MessageSchemas>(
      *registry_,
      std::map<std::string, std::string_view>{{core::kUploadsTopic, http::kUploadsSchema},
                                              {core::kEventsTopic, http::kEventsSchema},
                                              {core::kAnalyticsTopic, http::kAnalyticsSchema}},
      ingest::ParseFramedTopics(config.schema_framed_topics).value(), metrics);  // checked when it was set
  marking_ = std::make_unique<ingest::MarkingProducer>(producer, *messages_);
  messages_->Start();
}

void Schemas::Stop() {
  if (messages_) messages_->Stop();
}

admin::Probe Schemas::Probe() {
  if (!registry_) return {};
  return [&registry = *registry_](std::chrono::milliseconds timeout) {
    return registry.Probe(base::Deadline::After(timeout));
  };
}

}  // namespace millrace::app
