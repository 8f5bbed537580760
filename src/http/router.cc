#include "http/router.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <exception>
#include <random>
#include <set>
#include <utility>

#include "base/log.h"
#include "http/idempotency.h"
#include "http/problem.h"

namespace millrace::http {
namespace {

bool IsParameter(std::string_view segment) { return segment.starts_with('{'); }

/// A client's own id is kept when it is harmless in a header and a log line.
std::string RequestId(const Request& request) {
  const std::string_view given = request.header("x-request-id").value_or("");
  const auto harmless = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  if (!given.empty() && given.size() <= 64 && std::all_of(given.begin(), given.end(), harmless))
    return std::string(given);
  thread_local std::mt19937_64 random(std::random_device{}());
  return fmt::format("{:016x}", random());
}

/// Keeps the label's values few, whatever clients send.
std::string MethodLabel(const std::string& method) {
  for (const char* known : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    if (method == known) return method;
  }
  return "other";
}

}  // namespace

Router::Router(std::vector<Route> routes, AccessOptions access, base::Metrics& metrics)
    : routes_(std::move(routes)), access_(std::move(access)), metrics_(metrics), route_metrics_(routes_.size() + 1) {
  for (const Route& route : routes_) {
    auto parsed = ParseTarget(route.pattern);
    Pattern pattern;
    pattern.segments = std::move(parsed->segments);
    pattern.parameters =
        static_cast<std::size_t>(std::count_if(pattern.segments.begin(), pattern.segments.end(), IsParameter));
    patterns_.push_back(std::move(pattern));
  }
  for (std::size_t i = 0; i <= routes_.size(); ++i) {
    route_metrics_[i].seconds = &metrics.AddHistogram(
        "millrace_http_request_seconds", "Time from the end of a request to the start of its answer.",
        base::LatencyBounds(), {{"route", i < routes_.size() ? routes_[i].pattern : "unmatched"}});
  }
  base::Gauge& gauge = metrics.AddGauge("millrace_http_in_flight_requests", "Requests that are being answered.");
  metrics.OnRender([&gauge, count = in_flight_] { gauge.Set(*count); });
}

bool Router::Matches(const Pattern& pattern, const Target& target) const {
  const auto fits = [](const std::string& expected, const std::string& given) {
    return IsParameter(expected) ? !given.empty() : expected == given;
  };
  return std::equal(pattern.segments.begin(), pattern.segments.end(), target.segments.begin(), target.segments.end(),
                    fits);
}

/// All routes of the path; those with fewer parameters hide the others, so `/documents/bulk` is never a document's id.
std::vector<std::size_t> Router::Candidates(const Target& target) const {
  std::vector<std::size_t> found;
  std::size_t fewest = static_cast<std::size_t>(-1);
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    if (patterns_[i].parameters > fewest || !Matches(patterns_[i], target)) continue;
    if (patterns_[i].parameters < fewest) found.clear();
    fewest = patterns_[i].parameters;
    found.push_back(i);
  }
  return found;
}

std::string Router::Allow(const std::vector<std::size_t>& candidates) const {
  std::set<std::string> methods = {"OPTIONS"};
  for (const std::size_t i : candidates) {
    methods.insert(routes_[i].method);
    if (routes_[i].method == "GET") methods.insert("HEAD");
  }
  std::string allow;
  for (const std::string& method : methods) allow += (allow.empty() ? "" : ", ") + method;
  return allow;
}

Response Router::AnswerOptions(const Request& request, const std::vector<std::size_t>& candidates) const {
  Response response;
  response.status = 204;
  response.content_type.clear();
  const std::string allow = Allow(candidates);
  response.headers.emplace_back("Allow", allow);
  if (routes_[candidates.front()].surface == Surface::kContract && request.header("origin")) {
    access_.AddPreflight(allow, response);
  }
  return response;
}

std::optional<Response> Router::Choose(Request& request, const Target& target) const {
  const std::vector<std::size_t> candidates = Candidates(target);
  if (candidates.empty()) return ToResponse(Problem{404, "there is nothing at this path", {}});
  const std::string_view wanted = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const auto chosen =
      std::find_if(candidates.begin(), candidates.end(), [&](std::size_t i) { return routes_[i].method == wanted; });
  request.route =
      chosen != candidates.end() ? *chosen : candidates.front();  // for the labels and CORS of a refusal too
  if (chosen == candidates.end()) {
    if (request.method == "OPTIONS") return AnswerOptions(request, candidates);
    Response refusal = ToResponse(Problem{405, fmt::format("this path takes {}", Allow(candidates)), {}});
    refusal.headers.emplace_back("Allow", Allow(candidates));
    return refusal;
  }
  const auto& segments = patterns_[*chosen].segments;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!IsParameter(segments[i])) continue;
    request.path_params.emplace_back(segments[i].substr(1, segments[i].size() - 2), target.segments[i]);
  }
  return std::nullopt;
}

std::optional<Response> Router::Admit(Request& request) const {
  request.id = RequestId(request);
  auto target = ParseTarget(request.target);
  if (!target) return ToResponse(Problem{400, target.error().message, {}});
  request.path = target->path;
  request.query = std::move(target->query);
  if (auto answer = Choose(request, *target)) return answer;
  const Route& route = routes_[request.route];
  if (route.surface == Surface::kV1) {
    if (auto refusal = access_.CheckSite(request)) return ToResponse(*refusal);
  }
  if (!route.page.empty() && request.header("accept").value_or("").find("text/html") != std::string_view::npos) {
    Response response;
    response.status = 303;
    response.content_type.clear();
    response.headers.emplace_back("Location", route.page);
    return response;
  }
  if (auto refusal = access_.CheckKey(request, route.scope)) {
    Response response = ToResponse(*refusal);
    if (refusal->status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"millrace\"");
    return response;
  }
  if (MayBeKeyed(route)) {
    auto keyed_as = KeyedAs(request, access_.CallerOf(request));
    if (const auto* problem = std::get_if<Problem>(&keyed_as)) return ToResponse(*problem);
    request.keyed_as = std::move(std::get<std::string>(keyed_as));
  }
  return std::nullopt;
}

Response Router::Run(const Request& request) const {
  try {
    return routes_[request.route].handler(request);
  } catch (const std::exception& error) {
    base::LogError("request {} {} {}: {}", request.id, request.method, request.path, error.what());
    return ToResponse(Problem{500, fmt::format("the server failed; its log names request {}", request.id), {}});
  }
}

void Router::Finish(const Request& request, double seconds, Response& response) const {
  if (!request.id.empty()) response.headers.emplace_back("X-Request-Id", request.id);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (!Find(response.headers, "Cache-Control")) response.headers.emplace_back("Cache-Control", "no-store");
  const bool routed = request.route != Request::kNoRoute;
  if (routed && routes_[request.route].surface == Surface::kContract) access_.AddCors(request, response);

  base::LogDebug("request {} {} {} {} {:.1f} ms", request.id, request.method, request.path, response.status,
                 seconds * 1e3);
  const std::pair key(MethodLabel(request.method), response.status);
  std::lock_guard lock(metrics_mutex_);
  RouteMetrics& of_route = route_metrics_[routed ? request.route : routes_.size()];
  base::Counter*& counter = of_route.requests[key];
  if (counter == nullptr) {
    counter = &metrics_.AddCounter("millrace_http_requests_total", "Requests answered.",
                                   {{"route", routed ? routes_[request.route].pattern : "unmatched"},
                                    {"method", key.first},
                                    {"status", std::to_string(response.status)}});
  }
  counter->Add();
  of_route.seconds->Observe(seconds);
}

}  // namespace millrace::http
