#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "adapters/redis/connection.h"

namespace millrace::contract {

/// The server that MILLRACE_TEST_REDIS names (HOST:PORT), on a database of the tests' own. Ends the program with a
/// plain line when the variable is missing.
redis::RedisOptions SharedRedis();

/// Runs commands over a connection of its own and fails the test when it can't.
std::vector<redis::Reply> RunRedis(const redis::RedisOptions& options, const std::vector<redis::Command>& commands);

/// A server of one test, on a free port and in a directory of its own, without persistence; it can be killed and
/// frozen.
class RedisServer {
 public:
  explicit RedisServer(std::vector<std::string> arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void Start();
  void Kill();
  void Freeze();
  void Thaw();

  redis::RedisOptions options() const;
  int port() const { return port_; }
  const std::filesystem::path& directory() const { return directory_; }

 private:
  const std::vector<std::string> arguments_;
  std::filesystem::path directory_;
  int port_ = 0;
  pid_t pid_ = -1;
};

/// A free TCP port of this machine.
int FreePort();

}  // namespace millrace::contract
