#pragma once

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "embed/batching_embedder.h"
#include "http/access.h"
#include "http/router.h"
#include "http/server.h"
#include "main/config.h"

/// What `serve` and `worker` have in common as processes.
namespace millrace::app {

/// Sets up logging and runs `body`; the exit code: 0, or 1 with the error as one line.
int RunProcess(std::string_view command, const LoadedConfig& loaded,
               const std::function<base::Status(const LoadedConfig&)>& body);

/// SIGTERM and SIGINT, blocked from construction on (before any thread starts, so that every thread leaves them to
/// Wait).
class StopSignals {
 public:
  StopSignals();
  /// Until one comes; a second one ends the process at once.
  void Wait() const;
  /// True when one came within `duration`.
  bool WaitFor(std::chrono::milliseconds duration) const;

 private:
  sigset_t signals_;
};

/// As if a stop signal had come from outside.
void StopProcess();

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};

/// `HOST:PORT`, `[IPv6]:PORT`, `localhost:PORT`.
base::Result<ListenAddress> ParseListen(const std::string& text);

http::ServerOptions ServerOptionsOf(const Config& config, const ListenAddress& address);
base::Result<http::AccessOptions> AccessOf(const Config& config, const ListenAddress& address);

/// Runs `stop`, which waits for work to end; past the deadline the embedder is stopped, which ends what waits for it.
void StopWithin(base::Deadline deadline, const std::function<void()>& stop, embed::BatchingEmbedder& embedder);

/// Serves `router` while `app` runs, until a stop signal comes; then lets both finish within the time to drain. `App`
/// has Start(address, port), BeginStop(finish_by) and FinishStop(deadline), which follows the last request.
template <typename App>
base::Status RunUntilStopped(App& app, const http::Router& router, const http::ServerOptions& options,
                             const ListenAddress& address, const Config& config, const StopSignals& signals,
                             base::Metrics& metrics) {
  http::Server server(options, router, metrics);
  RETURN_IF_ERROR(server.Start());
  RETURN_IF_ERROR(app.Start(address, server.port()));
  signals.Wait();
  base::LogInfo("stopping: finishing what is in work, {} s at most", config.drain_seconds);
  const auto deadline = base::Deadline::After(std::chrono::seconds(config.drain_seconds));
  // What is finished by then can still be stored within the time.
  app.BeginStop(base::Deadline::After(std::chrono::milliseconds(750 * config.drain_seconds)));
  server.Drain(deadline);
  app.FinishStop(deadline);
  base::LogInfo("stopped");
  return {};
}

/// `http://HOST:PORT` as another process may reach it.
std::string UrlOf(const ListenAddress& address, std::uint16_t port);

}  // namespace millrace::app
