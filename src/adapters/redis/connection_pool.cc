#include "adapters/redis/connection_pool.h"

#include <fmt/core.h>

#include <utility>

namespace millrace::redis {

using base::Code;
using base::Deadline;
using base::Error;

base::Result<std::vector<Reply>> ConnectionPool::Run(std::span<const Command> commands, Deadline deadline) {
  deadline = Deadline::After(options_.timeout).EarlierOf(deadline);
  ASSIGN_OR_RETURN(Owned connection, Take(deadline));
  auto replies = RunOn(connection, commands, deadline);
  Give(std::move(connection));
  return replies;
}

base::Result<std::vector<Reply>> ConnectionPool::RunOn(Owned& connection, std::span<const Command> commands,
                                                       Deadline deadline) {
  for (bool fresh = false;; fresh = true) {
    if (connection == nullptr) {
      fresh = true;
      ASSIGN_OR_RETURN(connection, Connection::Open(options_, deadline));
    }
    auto replies = connection->Run(commands, deadline);
    // A server that became a replica is not ours any more: the name may lead to another one by now.
    if (replies && !replies->empty() && replies->front().text.starts_with("READONLY")) connection.reset();
    if (replies) return replies;
    connection.reset();
    if (fresh || replies.error().code == Code::kDeadlineExceeded) return replies;
  }
}

base::Result<ConnectionPool::Owned> ConnectionPool::Take(Deadline deadline) {
  std::unique_lock lock(mutex_);
  if (!given_.wait_until(lock, deadline.when(), [this] { return taken_ < options_.pool_size; })) {
    return Error{Code::kDeadlineExceeded,
                 fmt::format("redis at {}:{}: all {} connections are in use", options_.host, options_.port, taken_),
                 {}};
  }
  ++taken_;
  if (idle_.empty()) return Owned();
  Owned connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void ConnectionPool::Give(Owned connection) {
  std::vector<Owned> broken;  // closed outside the lock
  std::lock_guard lock(mutex_);
  --taken_;
  if (connection != nullptr) {
    idle_.push_back(std::move(connection));
  } else {
    broken.swap(idle_);
  }
  given_.notify_one();
}

}  // namespace millrace::redis
