#include "http/access.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "core/sha256.h"

namespace millrace::http {
namespace {

/// `localhost:8000` → `localhost`, `[::1]:8000` → `[::1]`; empty when malformed.
std::string HostOf(std::string_view authority) {
  const size_t bracket = authority.find(']');
  const size_t colon =
      authority.find(':', authority.starts_with('[') && bracket != std::string_view::npos ? bracket : 0);
  const std::string_view port = colon == std::string_view::npos ? "" : authority.substr(colon + 1);
  if (port.find_first_not_of("0123456789") != std::string_view::npos) return "";
  return base::LowerAscii(authority.substr(0, colon));
}

/// `10.1.2.3` or `[fe80::1]`.
bool IsAddress(const std::string& host) {
  in6_addr address;
  if (!host.starts_with('[')) return inet_pton(AF_INET, host.c_str(), &address) == 1;
  return host.ends_with(']') && inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) == 1;
}

std::optional<std::string_view> BearerKey(const Request& request) {
  const auto header = request.header("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (!header || header->size() <= kScheme.size() || base::LowerAscii(header->substr(0, kScheme.size())) != kScheme) {
    return std::nullopt;
  }
  std::string_view key = header->substr(kScheme.size());
  key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
  return key;
}

}  // namespace

Access::Access(AccessOptions options)
    : options_(std::move(options)), any_address_(options_.listen_host == "0.0.0.0" || options_.listen_host == "::") {
  auto& hosts = options_.allowed_hosts;
  for (std::string& host : hosts) host = base::LowerAscii(host);
  for (const char* local : {"localhost", "127.0.0.1", "[::1]"}) hosts.emplace_back(local);
  const std::string listen = base::LowerAscii(options_.listen_host);
  const bool bare_ipv6 = listen.find(':') != std::string::npos && !listen.starts_with('[');
  hosts.push_back(bare_ipv6 ? "[" + listen + "]" : listen);
}

std::optional<Problem> Access::CheckSite(const Request& request) const {
  const std::string_view authority = request.header("host").value_or("");
  const auto& hosts = options_.allowed_hosts;
  const std::string host = HostOf(authority);
  if (std::find(hosts.begin(), hosts.end(), host) == hosts.end() && !(any_address_ && IsAddress(host))) {
    return Problem{
        421, "this server is not reached by that Host; name it with --allowed-hosts or MILLRACE_ALLOWED_HOSTS", {}};
  }
  const auto origin = request.header("origin");
  if (!origin) return std::nullopt;
  const size_t scheme = origin->find("://");
  if (scheme == std::string_view::npos || base::LowerAscii(origin->substr(scheme + 3)) != base::LowerAscii(authority)) {
    return Problem{403, "pages of another site may not call /v1", {}};
  }
  return std::nullopt;
}

std::optional<Problem> Access::CheckKey(const Request& request, Scope needed) const {
  if (!options_.keys || needed == Scope::kNone) return std::nullopt;
  const auto key = BearerKey(request);
  if (!key) return Problem{401, "an API key is needed: Authorization: Bearer KEY", {}};
  const auto scope = options_.keys->Find(*key);
  if (!scope) return Problem{401, "the API key is not known", {}};
  if (*scope < needed) {
    return Problem{403, fmt::format("this needs an API key with scope {}", ScopeName(needed)), {}};
  }
  return std::nullopt;
}

std::string Access::CallerOf(const Request& request) const {
  return options_.keys ? core::Sha256Hex(BearerKey(request).value_or("")) : "";
}

void Access::AddCors(const Request& request, Response& response) const {
  if (options_.cors_origin.empty() || !request.header("origin")) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", options_.cors_origin);
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "X-Request-Id, Retry-After, Location, Idempotency-Replayed");
  if (options_.cors_origin != "*") response.headers.emplace_back("Vary", "Origin");
}

void Access::AddPreflight(const std::string& methods, Response& response) const {
  if (options_.cors_origin.empty()) return;
  response.headers.emplace_back("Access-Control-Allow-Methods", methods);
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "Authorization, Content-Type, X-Request-Id, Idempotency-Key");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
}

}  // namespace millrace::http
