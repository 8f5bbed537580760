#include "http/idempotency.h"

#include <algorithm>
#include <utility>

#include "core/sha256.h"

namespace millrace::http {
namespace {

constexpr std::size_t kMaxIdempotencyKey = 255;
constexpr char kUnderWaySeconds[] = "1";

std::string FingerprintOf(const Request& request) {
  core::Sha256 hash;
  for (const std::string_view part : {std::string_view(request.method), std::string_view(request.target),
                                      request.header("content-type").value_or("")}) {
    hash.Update(part);
    hash.Update("\n");
  }
  hash.Update(request.body);
  return hash.HexDigest();
}

std::optional<core::KeptAnswer> Keepable(const Response& response) {
  const bool is_long = response.next_part != nullptr || response.events != nullptr;
  if (response.status >= 300 || is_long || response.body.size() > core::kMaxKeptBody) return std::nullopt;
  return core::KeptAnswer{response.status, response.content_type,
                          std::string(Find(response.headers, "Location").value_or("")), response.body};
}

Response Replay(core::KeptAnswer answer) {
  Response response;
  response.status = answer.status;
  response.content_type = std::move(answer.content_type);
  response.body = std::move(answer.body);
  if (!answer.location.empty()) response.headers.emplace_back("Location", std::move(answer.location));
  response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

/// Ends a request however its handler ends.
class Run {
 public:
  Run(ingest::KeyedRequests& requests, const std::string& id) : requests_(requests), id_(id) {}
  ~Run() { requests_.End(id_, answer_); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void Keep(std::optional<core::KeptAnswer> answer) { answer_ = std::move(answer); }

 private:
  ingest::KeyedRequests& requests_;
  const std::string& id_;
  std::optional<core::KeptAnswer> answer_;
};

Response Carry(ingest::KeyedRequests& requests, const Handler& handler, const Request& request) {
  using Kind = core::RequestState::Kind;
  auto state = requests.Begin(request.keyed_as, FingerprintOf(request), request.deadline);
  if (!state) return ToResponse(state.error());
  switch (state->kind) {
    case Kind::kMismatch:
      return ToResponse(
          Problem{409, "this Idempotency-Key came with another request before: a new one needs a new key", {}});
    case Kind::kUnderWay: {
      Response response =
          ToResponse(Problem{409, "the first request with this Idempotency-Key is still under way; try again", {}});
      response.headers.emplace_back("Retry-After", kUnderWaySeconds);
      return response;
    }
    case Kind::kAnswered: return Replay(std::move(state->answer));
    case Kind::kOurs: break;
  }
  Run run(requests, request.keyed_as);
  Response response = handler(request);
  run.Keep(Keepable(response));
  return response;
}

}  // namespace

bool MayBeKeyed(const Route& route) { return route.method != "GET" && route.scope >= Scope::kWrite; }

std::variant<std::string, Problem> KeyedAs(const Request& request, std::string_view caller) {
  const auto key = request.header("idempotency-key");
  if (!key) return std::string();
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (key->empty() || key->size() > kMaxIdempotencyKey || !std::all_of(key->begin(), key->end(), printable)) {
    return Problem{400, "Idempotency-Key must be 1 to 255 printable ASCII characters", {}};
  }
  core::Sha256 hash;
  hash.Update(caller);
  hash.Update("\n");
  hash.Update(*key);
  return hash.HexDigest();
}

Handler Once(ingest::KeyedRequests& requests, Handler handler) {
  return [&requests, handler = std::move(handler)](const Request& request) {
    return request.keyed_as.empty() ? handler(request) : Carry(requests, handler, request);
  };
}

std::optional<core::RequestPart> PartOf(const Request& request, std::int64_t line) {
  if (request.keyed_as.empty()) return std::nullopt;
  return core::RequestPart{request.keyed_as, line};
}

}  // namespace millrace::http
