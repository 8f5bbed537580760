#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/message.h"
#include "http/router.h"
#include "http/server.h"
#include "http/worker_pool.h"

namespace millrace::http {

/// What all connections of a server share.
struct ServerState {
  const ServerOptions& options;
  const Router& router;
  WorkerPool& workers;
  std::shared_ptr<std::atomic<bool>> draining = std::make_shared<std::atomic<bool>>(false);
  std::atomic<std::size_t> bodies_bytes{0};
};

/// A share of ServerState::bodies_bytes, given back at the end.
class BodyBudget {
 public:
  explicit BodyBudget(ServerState& state) : state_(state) {}
  ~BodyBudget() { state_.bodies_bytes -= held_; }
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  /// False when the server would hold too much; what was held stays.
  bool GrowTo(std::size_t bytes);

 private:
  ServerState& state_;
  std::size_t held_ = 0;
};

/// One client: requests one after the other, answered in order. Lives on one I/O thread; its members are touched from
/// there only. Internal to the server.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, ServerState& state);

  /// Until the client goes, errs or the server drains.
  boost::asio::awaitable<void> Run();

  /// Answers 503 and closes: the server has enough connections.
  boost::asio::awaitable<void> Refuse();

  /// An idle connection closes, an event stream ends, any other closes after its answer.
  void Drain();
  void Abort();

 private:
  struct Incoming;
  struct Turn;
  struct Wake;
  using Duration = std::chrono::milliseconds;

  boost::asio::awaitable<bool> ServeOne();
  boost::asio::awaitable<bool> AwaitFirstByte();
  boost::asio::awaitable<void> ReadHeader(Incoming& incoming);
  boost::asio::awaitable<void> ReadBody(Incoming& incoming, Request& request, BodyBudget& budget);
  boost::asio::awaitable<Response> Execute(std::shared_ptr<Request> request);
  boost::asio::awaitable<void> Await(std::shared_ptr<Turn> turn);
  boost::asio::awaitable<bool> Send(Response& response, const Incoming& incoming);
  boost::asio::awaitable<bool> SendParts(Response& response, bool chunked);
  boost::asio::awaitable<bool> SendEvents(EventStream& stream, bool chunked);
  boost::asio::awaitable<bool> Write(std::string_view head, std::string_view body);
  boost::asio::awaitable<bool> WriteChunk(std::string_view data, bool chunked);
  boost::asio::awaitable<void> Linger();

  /// From now on, a pending read or write is cancelled after `limit`, and timed_out_ says so.
  void ExpectWithin(Duration limit);
  void StopWatch();
  void ArmWatch();

  /// Calls `gone` when the client closes while its answer is in the making.
  void WatchForGoodbye(std::function<void()> gone);

  boost::asio::ip::tcp::socket socket_;
  ServerState& state_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer watch_;
  std::chrono::steady_clock::time_point watch_limit_ = std::chrono::steady_clock::time_point::max();
  std::chrono::steady_clock::time_point armed_for_ = std::chrono::steady_clock::time_point::max();
  bool timed_out_ = false, aborted_ = false;
  bool idle_ = true;           // waits for a request's first byte
  bool first_ = true;          // has not seen a request yet
  bool unread_input_ = false;  // the client may still be sending what nobody will read
  std::shared_ptr<Turn> turn_;
  std::shared_ptr<Wake> wake_;
};

}  // namespace millrace::http
