#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/metrics.h"
#include "base/result.h"

namespace millrace::http {

class Router;

struct Endpoint {
  std::string address = "127.0.0.1";  // a numeric IPv4 or IPv6 address
  std::uint16_t port = 8000;          // 0: any free one
};

struct ServerOptions {
  Endpoint listen;
  std::vector<Endpoint> also;  // where the same is answered too; one that cannot be had is a warning
  std::size_t io_threads = 2;
  std::size_t worker_threads = 64;
  std::size_t max_queued_requests = 1024;  // waiting for a worker; beyond: 503
  std::size_t max_connections = 4096;      // beyond: 503
  std::size_t max_header_bytes = 16 << 10;
  std::size_t max_headers = 100;
  std::size_t max_target_bytes = 8 << 10;
  std::size_t max_body_bytes = 10 << 20;
  std::size_t max_bodies_bytes = 256 << 20;  // of all requests that are being read or answered; beyond: 503

  std::chrono::milliseconds header_timeout{15'000};     // from a request's first byte to the end of its header
  std::chrono::milliseconds body_timeout{60'000};       // for the whole body
  std::chrono::milliseconds idle_timeout{75'000};       // between requests
  std::chrono::milliseconds write_timeout{30'000};      // for a write, beside a second per 64 KiB
  std::chrono::milliseconds request_timeout{60'000};    // Request::deadline
  std::chrono::milliseconds keep_alive_period{15'000};  // between comments on an event stream
};

/// Answers HTTP/1.1 with a Router's handlers. The only user of Asio and Beast; its I/O threads never block.
class Server {
 public:
  /// `router` and `metrics` must outlive the server.
  Server(ServerOptions options, const Router& router, base::Metrics& metrics);
  /// Breaks off what Drain has not ended, and waits for handlers that run.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds and answers from then on. The error is one line that names the port. Call once.
  base::Status Start();

  /// Accepts nothing more, answers the requests that run, ends event streams; breaks off what is left at the deadline.
  void Drain(base::Deadline deadline);

  std::uint16_t port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::http
