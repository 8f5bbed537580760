#include "main/process.h"

#include <fmt/core.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/signal.h"
#include "main/settings.h"

namespace millrace::app {
namespace {

base::LogLevel LevelOf(const std::string& name) {
  if (name == "debug") return base::LogLevel::kDebug;
  if (name == "warning") return base::LogLevel::kWarning;
  if (name == "error") return base::LogLevel::kError;
  return base::LogLevel::kInfo;
}

bool IsEveryAddress(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

}  // namespace

int RunProcess(std::string_view command, const LoadedConfig& loaded,
               const std::function<base::Status(const LoadedConfig&)>& body) {
  base::SetUpLogging(LevelOf(loaded.config.log_level));
  if (const auto run = body(loaded); !run) {
    fmt::print(stderr, "millrace {}: {}\n", command, run.error().message);
    return 1;
  }
  return 0;
}

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void StopSignals::Wait() const {
  int signal_number = 0;
  sigwait(&signals_, &signal_number);
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  signal(SIGTERM, SIG_DFL);
  signal(SIGINT, SIG_DFL);
}

bool StopSignals::WaitFor(std::chrono::milliseconds duration) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  const timespec limit{seconds.count(), std::chrono::nanoseconds(duration - seconds).count()};
  return sigtimedwait(&signals_, nullptr, &limit) > 0;
}

void StopProcess() { kill(getpid(), SIGTERM); }

base::Result<ListenAddress> ParseListen(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const base::Error wrong{base::Code::kInvalidArgument, fmt::format("listen is '{}': expected HOST:PORT", text), {}};
  if (colon == std::string::npos || colon == 0) return wrong;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const std::string digits = text.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string::npos) return wrong;
  const int port = std::stoi(digits);
  if (port > 65535) return wrong;
  return ListenAddress{std::move(host), static_cast<std::uint16_t>(port)};
}

http::ServerOptions ServerOptionsOf(const Config& config, const ListenAddress& address) {
  http::ServerOptions options;
  options.listen = {address.host, address.port};
  options.worker_threads = static_cast<std::size_t>(config.http_workers);
  options.max_connections = static_cast<std::size_t>(config.max_connections);
  options.max_body_bytes = static_cast<std::size_t>(config.max_request_bytes);
  options.max_bodies_bytes = std::max(options.max_bodies_bytes, 2 * options.max_body_bytes);
  return options;
}

base::Result<http::AccessOptions> AccessOf(const Config& config, const ListenAddress& address) {
  http::AccessOptions access;
  access.allowed_hosts = SplitAtCommas(config.allowed_hosts);
  access.listen_host = address.host;
  if (IsEveryAddress(address.host)) access.allowed_hosts.push_back(HostName());  // which UrlOf tells the others
  access.cors_origin = config.cors_origin;
  if (!config.api_keys.empty()) {
    ASSIGN_OR_RETURN(access.keys, http::ApiKeys::Load(config.api_keys));
  }
  return access;
}

void StopWithin(base::Deadline deadline, const std::function<void()>& stop, embed::BatchingEmbedder& embedder) {
  base::StopFlag done;
  std::thread limit([&] {
    if (!done.SleepUntil(deadline)) embedder.Stop();
  });
  stop();
  done.Stop();
  limit.join();
}

std::string UrlOf(const ListenAddress& address, std::uint16_t port) {
  const std::string host = IsEveryAddress(address.host) ? HostName() : address.host;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

}  // namespace millrace::app
