#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "http/access.h"
#include "http/message.h"
#include "http/target.h"

namespace millrace::http {

using Handler = std::function<Response(const Request&)>;

/// Whose rules a route follows: the contract's are open to every origin, those of /v1 only to our own.
enum class Surface { kContract, kV1, kPlain };

struct Route {
  std::string method;
  std::string pattern;  // `/v1/documents/{id}`: exact segments and parameters
  Scope scope = Scope::kRead;
  std::string operation_id;  // as in openapi.json; empty for the parts of the documentation page
  Surface surface = Surface::kV1;
  Handler handler;
  bool at_once =
      false;  // answers from memory: runs on the I/O thread, so that it also answers when all workers are busy
  std::string page = {};  // where a browser is sent instead (Accept: text/html), before any key is asked for
};

/// One table from requests to handlers, with everything that is the same for all of them. Immutable but for counts;
/// thread-safe.
class Router {
 public:
  Router(std::vector<Route> routes, AccessOptions access, base::Metrics& metrics);

  /// Finds the route and checks site and key, before any body is read. An answer means that the request ends here.
  /// Cheap.
  std::optional<Response> Admit(Request& request) const;

  /// REQUIRES: Admit let the request pass. An exception becomes a 500.
  Response Run(const Request& request) const;
  bool RunsAtOnce(const Request& request) const { return routes_[request.route].at_once; }

  /// Adds what every answer carries, and counts it.
  void Finish(const Request& request, double seconds, Response& response) const;

  const std::vector<Route>& routes() const { return routes_; }

  /// Requests between Admit and Finish.
  class InFlight {
   public:
    explicit InFlight(const Router& router) : count_(router.in_flight_) { ++*count_; }
    ~InFlight() { --*count_; }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

   private:
    std::shared_ptr<std::atomic<int>> count_;
  };

 private:
  struct Pattern {
    std::vector<std::string> segments;
    std::size_t parameters = 0;
  };
  struct RouteMetrics {
    base::Histogram* seconds = nullptr;
    std::map<std::pair<std::string, int>, base::Counter*> requests;  // by method and status
  };

  bool Matches(const Pattern& pattern, const Target& target) const;
  std::vector<std::size_t> Candidates(const Target& target) const;
  std::optional<Response> Choose(Request& request, const Target& target) const;
  Response AnswerOptions(const Request& request, const std::vector<std::size_t>& candidates) const;
  std::string Allow(const std::vector<std::size_t>& candidates) const;

  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;
  Access access_;
  base::Metrics& metrics_;
  std::shared_ptr<std::atomic<int>> in_flight_ = std::make_shared<std::atomic<int>>(0);
  mutable std::mutex metrics_mutex_;
  mutable std::vector<RouteMetrics> route_metrics_;  // one a route, the last for requests without one
};

}  // namespace millrace::http
