#include <string>
#include <string_view>
#include <utility>

#include "http/assets.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

/// The page runs its own script alone, and talks to this server alone.
constexpr char kPolicy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

Handler Serve(std::string_view asset, const char* content_type) {
  return [asset, content_type](const Request&) {
    Response response;
    response.content_type = content_type;
    response.headers.emplace_back("Content-Security-Policy", kPolicy);
    response.headers.emplace_back("Referrer-Policy", "no-referrer");
    response.headers.emplace_back("Cache-Control", "no-cache");
    response.body = asset;
    return response;
  };
}

}  // namespace

void AddDocsRoutes(std::vector<Route>& routes) {
  // The page itself holds no data and asks for the key, so it needs none.
  const auto add = [&](const char* pattern, Scope scope, const char* operation, Handler handler) {
    routes.push_back({"GET", pattern, scope, operation, Surface::kPlain, std::move(handler), true});
  };
  add("/openapi.json", Scope::kRead, "openapi", Serve(kOpenApiJson, "application/json"));
  add("/docs", Scope::kNone, "docs", Serve(kDocsPage, "text/html; charset=utf-8"));
  add("/docs/app.js", Scope::kNone, "", Serve(kDocsScript, "text/javascript; charset=utf-8"));
  add("/docs/style.css", Scope::kNone, "", Serve(kDocsStyle, "text/css; charset=utf-8"));
}

}  // namespace millrace::http
