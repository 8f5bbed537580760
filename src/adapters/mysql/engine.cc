#include "adapters/mysql/engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>

#include "adapters/mysql/schema.h"
#include "base/backoff.h"
#include "base/log.h"

namespace millrace::mysql {
namespace {

constexpr int kMaxLost = 2;        // a connection that died while idle, and one that died for some other reason
constexpr int kMaxDuplicates = 5;  // rows that others added first: the next run sees them

base::Error TooLate() { return {base::Code::kDeadlineExceeded, "the database did not answer in time", {}}; }

}  // namespace

base::Result<std::unique_ptr<Engine>> Engine::Open(const MysqlOptions& options) {
  try {
    const std::unique_ptr<Connection> connection = Connection::Open(options, Connection::Purpose::kMigration);
    RETURN_IF_ERROR(Migrate(*connection));
    std::unique_ptr<Engine> engine(new Engine(options));
    engine->max_packet_ = connection->max_packet();
    return engine;
  } catch (const Failure& failure) {
    base::Error error = failure.error();
    // Later, a password that is changed on both sides is an outage; at the start nobody should wait for it.
    if (failure.kind() == Failure::Kind::kRefused) error.code = base::Code::kInvalidArgument;
    return error;
  }
}

base::Status Engine::Execute(Mode mode, base::Deadline deadline, const PlainBody& body) {
  base::Backoff pause(std::chrono::milliseconds(2), std::chrono::milliseconds(200));
  int lost = 0, duplicates = 0;
  while (true) {
    if (deadline.expired()) return TooLate();
    ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Borrow(deadline));
    try {
      base::Status status = Attempt(mode, *connection, deadline, body);
      Return(std::move(connection));
      return status;
    } catch (const Failure& failure) {
      const bool alive =
          failure.kind() != Failure::Kind::kLost && (mode == Mode::kSingle || connection->TryExecute("ROLLBACK"));
      if (!alive) connection.reset();
      Return(std::move(connection));
      if (!alive) DropIdle();  // a server that restarted has forgotten those, too
      if (failure.kind() != Failure::Kind::kFinal && deadline.expired()) return TooLate();
      const bool again = failure.kind() == Failure::Kind::kLost
                             ? ++lost < kMaxLost
                             : failure.kind() == Failure::Kind::kConflict &&
                                   (failure.error().code != base::Code::kConflict || ++duplicates < kMaxDuplicates);
      if (!again) return failure.error();
    } catch (const std::exception& bug) {
      Return(nullptr);
      return {base::Code::kInternal, bug.what()};
    }
    std::this_thread::sleep_for(std::min<base::Deadline::Clock::duration>(pause.Next(), deadline.remaining()));
  }
}

/// Throws what the server refuses, the transaction still open.
base::Status Engine::Attempt(Mode mode, Connection& connection, base::Deadline deadline, const PlainBody& body) {
  const Watchdog::Watch watch(watchdog_, connection.socket(), deadline);
  if (mode == Mode::kSingle) return body(connection);
  connection.Execute(mode == Mode::kWrite ? "START TRANSACTION"
                                          : "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; "
                                            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  if (base::Status status = body(connection); !status) {
    connection.Execute("ROLLBACK");
    return status;
  }
  try {
    connection.Execute("COMMIT");
  } catch (const Failure& failure) {
    if (failure.kind() != Failure::Kind::kLost || mode != Mode::kWrite) throw;
    throw Failure({deadline.expired() ? base::Code::kDeadlineExceeded : base::Code::kUnavailable,
                   fmt::format("the commit was not confirmed, it may have happened: {}", failure.error().message),
                   {}});
  }
  return {};
}

base::Result<std::unique_ptr<Connection>> Engine::Borrow(base::Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    const bool got = returned_.wait_until(lock, deadline.when(), [&] { return lent_ < options_.pool_size; });
    if (!got) {
      return base::Error{
          base::Code::kOverloaded, fmt::format("all {} connections to the database are busy", options_.pool_size), {}};
    }
    ++lent_;
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  MysqlOptions options = options_;
  options.connect_timeout =
      std::min(options.connect_timeout, std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining()));
  try {
    return Connection::Open(options, Connection::Purpose::kCalls);
  } catch (const Failure& failure) {
    Return(nullptr);
    return failure.error();
  }
}

void Engine::Return(std::unique_ptr<Connection> connection) {
  std::lock_guard lock(mutex_);
  --lent_;
  if (connection) idle_.push_back(std::move(connection));
  returned_.notify_one();
}

void Engine::DropIdle() {
  std::vector<std::unique_ptr<Connection>> dropped;
  std::lock_guard lock(mutex_);
  dropped.swap(idle_);
}

}  // namespace millrace::mysql
