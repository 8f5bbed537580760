#pragma once

#include <optional>
#include <string>
#include <vector>

#include "http/api_keys.h"
#include "http/message.h"
#include "http/problem.h"

namespace millrace::http {

struct AccessOptions {
  std::string listen_host = "127.0.0.1";   // answers as Host beside localhost, 127.0.0.1 and [::1]; 0.0.0.0 and ::
                                           // do so for every address: unlike a name, none can be bound to another's
  std::vector<std::string> allowed_hosts;  // more names this server is reached by, without port
  std::string cors_origin = "*";           // Access-Control-Allow-Origin of the contract's routes; empty: none
  std::optional<ApiKeys> keys;             // none: no key needed
};

/// Who may ask: Host and Origin, bearer keys, CORS. Immutable, so thread-safe.
class Access {
 public:
  explicit Access(AccessOptions options);

  /// 421 for a Host that is not ours (a rebound DNS name), 403 for an Origin that is not ours (another site's page).
  std::optional<Problem> CheckSite(const Request& request) const;

  /// 401 without a known key, 403 when its scope is too small.
  std::optional<Problem> CheckKey(const Request& request, Scope needed) const;

  /// Tells callers apart: a hash of the request's key, empty where none is needed. REQUIRES: CheckKey let it pass.
  std::string CallerOf(const Request& request) const;

  void AddCors(const Request& request, Response& response) const;
  void AddPreflight(const std::string& methods, Response& response) const;

 private:
  AccessOptions options_;
  bool any_address_;
};

}  // namespace millrace::http
