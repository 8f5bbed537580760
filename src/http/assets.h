#pragma once

#include <string_view>

namespace millrace::http {

/// The files of this folder that the server serves, put into the binary by CMake.
extern const std::string_view kOpenApiJson;
extern const std::string_view kDocsPage;
extern const std::string_view kDocsScript;
extern const std::string_view kDocsStyle;

/// The files of schemas/.
extern const std::string_view kUploadsSchema;
extern const std::string_view kEventsSchema;
extern const std::string_view kAnalyticsSchema;

}  // namespace millrace::http
