#include "http/server.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "http/connection.h"

namespace millrace::http {
namespace {

namespace net = boost::asio;
using net::ip::tcp;

constexpr auto kAsTuple = net::as_tuple(net::use_awaitable);
constexpr std::size_t kMaxRefusing = 256;  // connections beyond the limit that are told so at the same time
constexpr rlim_t kOtherFiles = 512;        // store, model, log

/// One I/O thread with the connections that live on it.
struct Lane {
  net::io_context io{1};
  net::executor_work_guard<net::io_context::executor_type> work{io.get_executor()};
  std::set<std::shared_ptr<Connection>> connections;  // touched from its thread only
  std::thread thread;
};

void RaiseFileLimit(std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, connections + kMaxRefusing + kOtherFiles);
  if (wanted <= limit.rlim_cur) return;
  limit.rlim_cur = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) base::LogWarning("the limit of open files cannot be raised to {}", wanted);
}

base::Error BindError(const Endpoint& at, const boost::system::error_code& failure) {
  if (failure == net::error::address_in_use) {
    return {base::Code::kConflict, fmt::format("port {} is taken", at.port), {}};
  }
  return {base::Code::kUnavailable,
          fmt::format("cannot listen on {} port {}: {}", at.address, at.port, failure.message()),
          {}};
}

base::Status Bind(const Endpoint& at, tcp::acceptor& acceptor) {
  boost::system::error_code failure;
  const auto address = net::ip::make_address(at.address, failure);
  if (failure) return BindError(at, failure);
  const tcp::endpoint endpoint(address, at.port);
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(net::socket_base::reuse_address(true), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(net::socket_base::max_listen_connections, failure);
  if (failure) return BindError(at, failure);
  return {};
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, const Router& router, base::Metrics& metrics)
      : options_(std::move(options)),
        state_{options_, router, workers_},
        workers_(options_.worker_threads, options_.max_queued_requests) {
    base::Gauge& gauge = metrics.AddGauge("millrace_http_connections", "Open client connections.");
    metrics.OnRender([&gauge, open = open_] { gauge.Set(static_cast<double>(*open)); });
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.io_threads, 1); ++i) {
      lanes_.push_back(std::make_unique<Lane>());
    }
  }

  ~Impl() {
    Drain(base::Deadline::Expired());
    for (const auto& lane : lanes_) lane->io.stop();
    for (const auto& lane : lanes_) {
      if (lane->thread.joinable()) lane->thread.join();
    }
  }

  base::Status Start() {
    RaiseFileLimit(options_.max_connections);
    RETURN_IF_ERROR(Listen(options_.listen));
    port_ = acceptors_.front()->local_endpoint().port();
    for (const Endpoint& more : options_.also) {
      if (const auto listening = Listen(more); !listening) {
        base::LogWarning("{}: nothing is answered there", listening.error().message);
      }
    }
    for (const auto& acceptor : acceptors_) net::co_spawn(lanes_.front()->io, Accept(*acceptor), net::detached);
    for (const auto& lane : lanes_) lane->thread = std::thread([&lane = *lane] { RunLane(lane); });
    return {};
  }

  void Drain(base::Deadline deadline) {
    if (port_ == 0) return;
    *state_.draining = true;
    net::post(lanes_.front()->io, [this] {
      boost::system::error_code ignored;  // closing a listening socket leaves nothing to do about a failure
      for (const auto& acceptor : acceptors_) acceptor->close(ignored);
    });
    ForEachConnection(&Connection::Drain);
    std::unique_lock lock(mutex_);
    if (none_open_.wait_until(lock, deadline.when(), [this] { return *open_ == 0; })) return;
    lock.unlock();
    ForEachConnection(&Connection::Abort);
    lock.lock();
    constexpr auto kAbortGrace = std::chrono::milliseconds(500);  // an aborted connection only has to notice
    none_open_.wait_for(lock, kAbortGrace, [this] { return *open_ == 0; });
  }

  std::uint16_t port() const { return port_; }

 private:
  static void RunLane(Lane& lane) {
    while (!lane.io.stopped()) {
      try {
        lane.io.run();
      } catch (const std::exception& error) {
        base::LogError("http: {}", error.what());
      }
    }
  }

  void ForEachConnection(void (Connection::*action)()) {
    for (const auto& lane : lanes_) {
      net::post(lane->io, [&lane = *lane, action] {
        for (const auto& connection : lane.connections) ((*connection).*action)();
      });
    }
  }

  base::Status Listen(const Endpoint& at) {
    auto acceptor = std::make_unique<tcp::acceptor>(lanes_.front()->io);
    RETURN_IF_ERROR(Bind(at, *acceptor));
    acceptors_.push_back(std::move(acceptor));
    return {};
  }

  net::awaitable<void> Accept(tcp::acceptor& acceptor) {
    net::steady_timer pause(lanes_.front()->io);
    for (std::size_t next = 0; !*state_.draining; next = (next + 1) % lanes_.size()) {
      Lane& lane = *lanes_[next];
      auto [failure, socket] = co_await acceptor.async_accept(lane.io, kAsTuple);
      if (failure == net::error::operation_aborted || failure == net::error::bad_descriptor) co_return;
      if (failure) {  // out of files, most likely: let some close
        base::LogWarning("http: cannot accept: {}", failure.message());
        pause.expires_after(std::chrono::milliseconds(100));
        co_await pause.async_wait(kAsTuple);
        continue;
      }
      const std::size_t open = ++*open_;
      if (open > options_.max_connections + kMaxRefusing) {
        --*open_;
        continue;
      }
      auto connection = std::make_shared<Connection>(std::move(socket), state_);
      net::co_spawn(lane.io, Live(lane, std::move(connection), open > options_.max_connections), net::detached);
    }
  }

  net::awaitable<void> Live(Lane& lane, std::shared_ptr<Connection> connection, bool refuse) {
    lane.connections.insert(connection);
    if (*state_.draining) connection->Drain();
    try {
      if (refuse) {
        co_await connection->Refuse();
      } else {
        co_await connection->Run();
      }
    } catch (const std::exception& error) {
      base::LogError("http connection: {}", error.what());
    }
    lane.connections.erase(connection);
    connection.reset();
    std::lock_guard lock(mutex_);
    if (--*open_ == 0) none_open_.notify_all();
  }

  // In this order: a connection that is destroyed with its lane gives its budget back to state_, and a handler that
  // ends posts to its lane.
  const ServerOptions options_;
  ServerState state_;
  std::shared_ptr<std::atomic<std::size_t>> open_ = std::make_shared<std::atomic<std::size_t>>(0);
  std::mutex mutex_;
  std::condition_variable none_open_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  WorkerPool workers_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;  // the first is options_.listen's
  std::uint16_t port_ = 0;
};

Server::Server(ServerOptions options, const Router& router, base::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), router, metrics)) {}
Server::~Server() = default;
base::Status Server::Start() { return impl_->Start(); }
void Server::Drain(base::Deadline deadline) { impl_->Drain(deadline); }
std::uint16_t Server::port() const { return impl_->port(); }

}  // namespace millrace::http
