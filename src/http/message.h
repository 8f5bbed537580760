#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::http {

using NamedValues = std::vector<std::pair<std::string, std::string>>;

/// The first value under `name`; nothing when there is none.
inline std::optional<std::string_view> Find(const NamedValues& values, std::string_view name) {
  for (const auto& [candidate, value] : values) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

/// A request as handlers see it.
struct Request {
  std::string id;      // as in the answer's X-Request-Id
  std::string method;  // HEAD arrives as it is; its route is that of GET
  std::string target;  // as sent
  std::string path;    // decoded, valid UTF-8, without control characters
  NamedValues path_params, query;
  NamedValues headers;  // names in lower case
  std::string body;
  base::Deadline deadline = base::Deadline::AfterSeconds(60);  // the server gives up on the answer then
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);  // the client is gone
  std::shared_ptr<const std::atomic<bool>> draining;  // set by a server, which wants to end soon
  std::size_t route = kNoRoute;                       // set by Router::Admit
  std::string keyed_as;  // caller and idempotency key of a write (http/idempotency.h), set by Router::Admit; else empty

  static constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);

  /// A handler that waits gives up when this turns true: the server drains, or the client has left. It looks every
  /// kNoticeEvery.
  bool should_hurry() const { return *cancelled || (draining && *draining); }
  static constexpr std::chrono::milliseconds kNoticeEvery{500};

  std::optional<std::string_view> header(std::string_view lower_case_name) const {
    return Find(headers, lower_case_name);
  }
};

/// Text that becomes ready over time (server-sent events). The server calls it from one thread.
class EventStream {
 public:
  virtual ~EventStream() = default;

  /// `ready` may be called from any thread, during Start too, and stays callable after the stream has gone.
  virtual void Start(std::function<void()> ready) = 0;

  /// What is to be sent now, empty when nothing is. Never waits.
  virtual std::string Take() = 0;
};

struct Response {
  /// The next piece of a long body, empty at its end. Runs on a worker. An error breaks the connection off, so that the
  /// client cannot take half a body for the whole.
  using NextPart = std::function<base::Result<std::string>()>;

  int status = 200;
  std::string content_type = "application/json";
  NamedValues headers;
  std::string body;
  NextPart next_part;                   // when set, follows `body`
  std::shared_ptr<EventStream> events;  // when set, follows `body` until the client goes or the server drains
};

}  // namespace millrace::http
