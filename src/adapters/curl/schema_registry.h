#pragma once

#include <string>

#include "adapters/curl/http_session.h"
#include "core/schema_registry.h"

namespace millrace::curl {

/// A registry with Confluent's HTTP API. User and password may be in the URL.
class SchemaRegistry final : public core::SchemaRegistry {
 public:
  /// `url` as OriginOf takes it; its path comes before that of the API.
  explicit SchemaRegistry(std::string url);

  base::Result<std::int32_t> Register(const std::string& subject, std::string_view schema,
                                      base::Deadline deadline) override;
  base::Result<core::RegisteredSchema> Find(const core::SchemaReference& schema, base::Deadline deadline) override;
  base::Status Probe(base::Deadline deadline) override;

 private:
  base::Result<HttpAnswer> Ask(const std::string& path, std::optional<std::string_view> body, base::Deadline deadline);

  HttpSession session_;
};

}  // namespace millrace::curl
