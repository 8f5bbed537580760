#include "http/connection.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "http/head.h"
#include "http/problem.h"

namespace millrace::http {

namespace net = boost::asio;
namespace beast_http = boost::beast::http;
using Clock = std::chrono::steady_clock;

namespace {

constexpr auto kResult = net::as_tuple(net::use_awaitable);
constexpr std::size_t kSlowestBytesPerSecond = 64 << 10;
constexpr std::size_t kLingerBytes = 64 << 20;
constexpr std::chrono::milliseconds kLingerTime{3'000};
constexpr std::chrono::seconds kStale{
    1};  // a request that waited longer for a worker is not run for a client that left

void FillRequest(const beast_http::request<beast_http::string_body>& head, Request& request) {
  request.method = head.method_string();
  request.target = head.target();
  for (const auto& field : head) request.headers.emplace_back(base::LowerAscii(field.name_string()), field.value());
}

}  // namespace

struct Connection::Incoming {
  beast_http::request_parser<beast_http::string_body> parser;
  std::optional<Problem> problem;  // to be answered instead of the request
  bool gone = false;               // nobody is there to be answered
  bool head_only = false, http_1_1 = true, keep_alive = false;
};

/// The wait of a connection for a worker.
struct Connection::Turn {
  explicit Turn(const net::any_io_executor& executor) : wake(executor, Clock::time_point::max()) {}

  /// `work`, then waking up the connection.
  static std::function<void()> Job(std::shared_ptr<Turn> turn, std::function<void()> work) {
    return [turn = std::move(turn), work = std::move(work)] {
      work();
      net::post(turn->wake.get_executor(), [turn] {
        turn->done = true;
        turn->wake.cancel();
      });
    };
  }

  net::steady_timer wake;
  bool done = false;
};

/// How an event stream's source, on any thread and at any time, wakes up its connection.
struct Connection::Wake {
  explicit Wake(const net::any_io_executor& executor) : timer(std::in_place, executor) {}

  static void Notify(const std::shared_ptr<Wake>& wake) {
    std::lock_guard lock(wake->mutex);
    if (!wake->timer) return;
    net::post(wake->timer->get_executor(), [wake] { wake->Signal(); });
  }
  // The rest on the connection's thread.
  void Signal() {
    signalled = true;
    if (timer) timer->cancel();
  }
  void Close() {
    std::lock_guard lock(mutex);
    timer.reset();
  }

  std::mutex mutex;  // of the timer's existence
  std::optional<net::steady_timer> timer;
  bool signalled = false, gone = false;
};

bool BodyBudget::GrowTo(std::size_t bytes) {
  if (bytes <= held_) return true;
  const std::size_t more = bytes - held_;
  if (state_.bodies_bytes.fetch_add(more) + more > state_.options.max_bodies_bytes) {
    state_.bodies_bytes -= more;
    return false;
  }
  held_ = bytes;
  return true;
}

Connection::Connection(net::ip::tcp::socket socket, ServerState& state)
    : socket_(std::move(socket)), state_(state), watch_(socket_.get_executor()) {
  boost::system::error_code ignored;  // a socket that already failed says so at the first read
  socket_.set_option(net::ip::tcp::no_delay(true), ignored);
}

net::awaitable<void> Connection::Run() {
  bool more = true;
  while (more) more = co_await ServeOne();
  if (unread_input_) co_await Linger();
  Abort();
}

net::awaitable<void> Connection::Refuse() {
  Response response = ToResponse(Problem{503, "the server has too many connections; try again", {}});
  const std::string head = FormatHead(response, {.http_1_1 = true, .keep_alive = false});
  if (co_await Write(head, response.body)) co_await Linger();
  Abort();
}

void Connection::Drain() {
  if (idle_) {
    boost::system::error_code ignored;  // an error means that nothing is pending
    socket_.cancel(ignored);
  }
  if (wake_) wake_->Signal();
}

void Connection::Abort() {
  aborted_ = true;
  boost::system::error_code ignored;  // closing is all that can be done
  socket_.close(ignored);
  watch_.cancel();
  if (turn_) turn_->wake.cancel();
  if (wake_) wake_->Signal();
}

net::awaitable<bool> Connection::ServeOne() {
  const bool begins = co_await AwaitFirstByte();
  if (!begins) co_return false;
  Incoming incoming;
  BodyBudget budget(state_);
  const Router::InFlight in_flight(state_.router);
  auto request = std::make_shared<Request>();
  request->draining = state_.draining;
  std::optional<Response> answer;
  co_await ReadHeader(incoming);
  if (incoming.gone) co_return false;
  if (!incoming.problem) {
    FillRequest(incoming.parser.get(), *request);
    incoming.head_only = request->method == "HEAD";
    incoming.http_1_1 = incoming.parser.get().version() >= 11;
    incoming.problem = CheckHead(*request, incoming.http_1_1, state_.options);
  }
  if (!incoming.problem) answer = state_.router.Admit(*request);
  if (!incoming.problem && !answer) co_await ReadBody(incoming, *request, budget);
  if (incoming.gone) co_return false;

  const auto start = Clock::now();
  request->deadline = base::Deadline::After(state_.options.request_timeout);
  if (incoming.problem) {
    answer = ToResponse(*incoming.problem);
  } else if (!answer) {
    answer = co_await Execute(request);
  }
  unread_input_ = incoming.problem.has_value() || !incoming.parser.is_done();
  incoming.keep_alive = !unread_input_ && incoming.parser.keep_alive() && !*state_.draining;
  state_.router.Finish(*request, std::chrono::duration<double>(Clock::now() - start).count(), *answer);
  const bool sent = co_await Send(*answer, incoming);
  if (!sent) unread_input_ = false;
  co_return sent&& incoming.keep_alive;
}

net::awaitable<bool> Connection::AwaitFirstByte() {
  idle_ = true;
  if (buffer_.size() == 0 && !*state_.draining) {
    ExpectWithin(first_ ? state_.options.header_timeout : state_.options.idle_timeout);
    auto [failure, bytes] = co_await socket_.async_read_some(buffer_.prepare(4096), kResult);
    StopWatch();
    buffer_.commit(failure ? 0 : bytes);
  }
  first_ = idle_ = false;
  co_return buffer_.size() > 0 && !aborted_;
}

net::awaitable<void> Connection::ReadHeader(Incoming& incoming) {
  incoming.parser.header_limit(static_cast<std::uint32_t>(state_.options.max_header_bytes));
  incoming.parser.body_limit(boost::none);  // ReadBody keeps the limit, with an answer
  ExpectWithin(state_.options.header_timeout);
  auto [failure, bytes] = co_await beast_http::async_read_header(socket_, buffer_, incoming.parser, kResult);
  StopWatch();
  if (!failure) co_return;
  if (timed_out_) {
    incoming.problem = Problem{408, "the request's header did not arrive in time", {}};
  } else if (failure == beast_http::error::header_limit) {
    const bool in_target = incoming.parser.get().target().empty();
    incoming.problem =
        in_target ? Problem{414, "the URL is too long", {}} : Problem{431, "the request's header is too large", {}};
  } else if (failure == beast_http::error::bad_version) {
    incoming.problem = Problem{505, "only HTTP/1.0 and HTTP/1.1 are spoken here", {}};
  } else if (failure == beast_http::error::end_of_stream || failure == beast_http::error::partial_message) {
    incoming.gone = true;
  } else if (failure.category() == beast_http::make_error_code(beast_http::error::bad_method).category()) {
    incoming.problem = Problem{400, fmt::format("this is not a valid HTTP request: {}", failure.message()), {}};
  } else {
    incoming.gone = true;
  }
}

net::awaitable<void> Connection::ReadBody(Incoming& incoming, Request& request, BodyBudget& budget) {
  auto& parser = incoming.parser;
  const Problem too_large{413, fmt::format("a body may have at most {} bytes", state_.options.max_body_bytes), {}};
  const Problem no_room{503, "the server holds too many large requests; try again", {}};
  const auto length = parser.content_length();
  if (length && *length > state_.options.max_body_bytes) {
    incoming.problem = too_large;
    co_return;
  }
  if (!budget.GrowTo(length ? static_cast<std::size_t>(*length) : 0)) {
    incoming.problem = no_room;
    co_return;
  }
  if (!parser.is_done() && buffer_.size() == 0 && request.header("expect")) {
    const bool sent = co_await Write("HTTP/1.1 100 Continue\r\n\r\n", {});
    if (!sent) incoming.gone = true;
  }
  parser.eager(true);
  ExpectWithin(state_.options.body_timeout);
  while (!parser.is_done() && !incoming.gone && !incoming.problem) {
    auto [failure, bytes] = co_await beast_http::async_read_some(socket_, buffer_, parser, kResult);
    if (failure && timed_out_) {
      incoming.problem = Problem{408, "the request's body did not arrive in time", {}};
    } else if (failure.category() == beast_http::make_error_code(beast_http::error::bad_chunk).category() &&
               failure != beast_http::error::partial_message && failure) {
      incoming.problem = Problem{400, fmt::format("the body is malformed: {}", failure.message()), {}};
    } else if (failure) {
      incoming.gone = true;
    } else if (parser.get().body().size() > state_.options.max_body_bytes) {
      incoming.problem = too_large;
    } else if (!budget.GrowTo(parser.get().body().size())) {
      incoming.problem = no_room;
    }
  }
  StopWatch();
  request.body = std::move(parser.get().body());
}

net::awaitable<Response> Connection::Execute(std::shared_ptr<Request> request) {
  const Router& router = state_.router;
  if (router.RunsAtOnce(*request)) co_return router.Run(*request);
  auto turn = std::make_shared<Turn>(socket_.get_executor());
  auto response = std::make_shared<Response>();
  std::function<void()> work = [&router, request, response, queued = Clock::now()] {
    const bool left = *request->cancelled && Clock::now() - queued > kStale;
    if (left || request->deadline.expired()) {
      *response = ToResponse(Problem{503, "the server was too busy to answer in time; try again", {}});
    } else {
      *response = router.Run(*request);
    }
  };
  if (!state_.workers.TrySubmit(Turn::Job(turn, std::move(work)))) {
    co_return ToResponse(Problem{503, "the server is busy; try again", {}});
  }
  WatchForGoodbye([cancelled = request->cancelled] { *cancelled = true; });
  co_await Await(turn);
  if (!turn->done) {
    *request->cancelled = true;  // broken off: the response belongs to the worker
    co_return Response{};
  }
  boost::system::error_code ignored;  // nothing may be pending
  socket_.cancel(ignored);
  co_return std::move(*response);
}

net::awaitable<void> Connection::Await(std::shared_ptr<Turn> turn) {
  turn_ = turn;
  while (!turn->done && !aborted_) co_await turn->wake.async_wait(kResult);
  turn_.reset();
}

net::awaitable<bool> Connection::Send(Response& response, const Incoming& incoming) {
  const std::string head = FormatHead(response, {.http_1_1 = incoming.http_1_1, .keep_alive = incoming.keep_alive});
  const bool sent = co_await Write(head, IsLong(response) || incoming.head_only ? std::string_view() : response.body);
  if (!sent || !IsLong(response) || incoming.head_only) co_return sent;
  const bool chunked = incoming.http_1_1;
  bool complete = response.body.empty() || co_await WriteChunk(response.body, chunked);
  if (complete && response.next_part) complete = co_await SendParts(response, chunked);
  if (complete && response.events) complete = co_await SendEvents(*response.events, chunked);
  if (complete && chunked) complete = co_await Write("0\r\n\r\n", {});
  co_return complete&& chunked;  // to HTTP/1.0 the end of the connection is the end of the body
}

net::awaitable<bool> Connection::SendParts(Response& response, bool chunked) {
  while (true) {
    auto turn = std::make_shared<Turn>(socket_.get_executor());
    auto part = std::make_shared<base::Result<std::string>>(std::string());
    std::function<void()> work = [next = response.next_part, part] {
      try {
        *part = next();
      } catch (const std::exception& error) {
        *part = base::Error{base::Code::kInternal, error.what(), {}};
      }
    };
    state_.workers.SubmitContinuation(Turn::Job(turn, std::move(work)));
    co_await Await(turn);
    if (!turn->done) co_return false;
    if (!*part) {
      base::LogError("http: an answer was broken off: {}", part->error().message);
      co_return false;
    }
    if ((*part)->empty()) co_return true;
    const bool sent = co_await WriteChunk(**part, chunked);
    if (!sent) co_return false;
  }
}

net::awaitable<bool> Connection::SendEvents(EventStream& stream, bool chunked) {
  struct Closer {
    std::shared_ptr<Wake>& wake;
    ~Closer() {
      wake->Close();
      wake.reset();
    }
  };
  wake_ = std::make_shared<Wake>(socket_.get_executor());
  const Closer closer{wake_};
  WatchForGoodbye([wake = wake_] {
    wake->gone = true;
    wake->Signal();
  });
  stream.Start([wake = wake_] { Wake::Notify(wake); });
  while (!*state_.draining && !wake_->gone && !aborted_) {
    wake_->signalled = false;
    std::string text = stream.Take();
    if (text.empty()) {
      wake_->timer->expires_after(state_.options.keep_alive_period);
      co_await wake_->timer->async_wait(kResult);
      if (wake_->signalled) continue;
      text = ": keep-alive\n\n";
    }
    const bool sent = co_await WriteChunk(text, chunked);
    if (!sent) co_return false;
  }
  co_return !wake_->gone && !aborted_;
}

net::awaitable<bool> Connection::WriteChunk(std::string_view data, bool chunked) {
  if (!chunked) co_return co_await Write(data, {});
  std::string frame = fmt::format("{:x}\r\n{}\r\n", data.size(), data);
  co_return co_await Write(frame, {});
}

net::awaitable<bool> Connection::Write(std::string_view head, std::string_view body) {
  const std::size_t bytes = head.size() + body.size();
  ExpectWithin(state_.options.write_timeout + std::chrono::seconds(bytes / kSlowestBytesPerSecond));
  const std::array buffers = {net::buffer(head), net::buffer(body)};
  auto [failure, written] = co_await net::async_write(socket_, buffers, kResult);
  StopWatch();
  co_return !failure;
}

/// Closing with unread input would reset the connection, and the client might never see its answer.
net::awaitable<void> Connection::Linger() {
  boost::system::error_code failure;
  socket_.shutdown(net::ip::tcp::socket::shutdown_send, failure);
  if (failure) co_return;
  ExpectWithin(kLingerTime);
  std::array<char, 16 << 10> discarded;
  for (std::size_t total = 0; total < kLingerBytes;) {
    auto [end, bytes] = co_await socket_.async_read_some(net::buffer(discarded), kResult);
    if (end) break;
    total += bytes;
  }
  StopWatch();
}

void Connection::ExpectWithin(Duration limit) {
  timed_out_ = false;
  watch_limit_ = Clock::now() + limit;
  if (watch_limit_ < armed_for_) ArmWatch();
}

void Connection::StopWatch() { watch_limit_ = Clock::time_point::max(); }

/// One timer serves all waits: it is armed anew when it fires too early, not for each wait.
void Connection::ArmWatch() {
  armed_for_ = watch_limit_;
  watch_.expires_at(armed_for_);
  watch_.async_wait([weak = weak_from_this()](const boost::system::error_code& failure) {
    const auto self = weak.lock();
    if (!self || failure) return;
    self->armed_for_ = Clock::time_point::max();
    if (self->watch_limit_ == Clock::time_point::max()) return;
    if (Clock::now() < self->watch_limit_) return self->ArmWatch();
    self->timed_out_ = true;
    boost::system::error_code ignored;  // an error means that nothing is pending
    self->socket_.cancel(ignored);
  });
}

void Connection::WatchForGoodbye(std::function<void()> gone) {
  if (buffer_.size() > 0) return;  // a pipelined request: the client is there
  socket_.async_wait(net::ip::tcp::socket::wait_read,
                     [self = shared_from_this(), gone = std::move(gone)](const boost::system::error_code& failure) {
                       if (failure) return;
                       char byte = 0;
                       const auto seen = ::recv(self->socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                       if (seen == 0 || (seen < 0 && errno != EAGAIN && errno != EINTR)) gone();
                     });
}

}  // namespace millrace::http
