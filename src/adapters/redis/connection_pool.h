#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "adapters/redis/connection.h"

namespace millrace::redis {

/// Up to `pool_size` connections, opened when needed, opened again when they broke. Thread-safe.
class ConnectionPool {
 public:
  explicit ConnectionPool(RedisOptions options) : options_(std::move(options)) {}

  /// As Connection::Run on a free connection. One that broke while it lay idle is replaced and the commands are run
  /// again, so they must bear being run twice.
  base::Result<std::vector<Reply>> Run(std::span<const Command> commands, base::Deadline deadline);

  const RedisOptions& options() const { return options_; }

 private:
  using Owned = std::unique_ptr<Connection>;

  /// The right to one connection; nothing in it when it has to be opened.
  base::Result<Owned> Take(base::Deadline deadline);
  /// Nothing: it broke, and so did those that lie idle.
  void Give(Owned connection);
  base::Result<std::vector<Reply>> RunOn(Owned& connection, std::span<const Command> commands, base::Deadline deadline);

  const RedisOptions options_;
  std::mutex mutex_;
  std::condition_variable given_;
  std::vector<Owned> idle_;
  std::size_t taken_ = 0;
};

}  // namespace millrace::redis
