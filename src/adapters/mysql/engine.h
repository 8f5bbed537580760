#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "adapters/mysql/connection.h"
#include "adapters/mysql/mysql_store.h"
#include "adapters/mysql/watchdog.h"
#include "base/deadline.h"
#include "base/result.h"

namespace millrace::mysql {

/// What every store of the database works with: a bounded pool of connections, and transactions on them. Thread-safe.
///
/// Bodies are `Result(Connection&)`. One may run more than once (after a deadlock, or on a connection that turned out
/// to be dead), so it must begin anew each time: no appending to what its caller owns.
class Engine {
 public:
  /// Connects and migrates; see MysqlDatabase::Open.
  static base::Result<std::unique_ptr<Engine>> Open(const MysqlOptions& options);

  /// In one snapshot. Within `call_timeout`, or the deadline given.
  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  R Read(Body body) {
    return Run<Body, R>(Mode::kSnapshot, CallDeadline(), body);
  }

  /// Without a transaction: for bodies of one statement, which then costs one round trip instead of three.
  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  R ReadOne(Body body) {
    return ReadOne(CallDeadline(), body);
  }
  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  R ReadOne(base::Deadline deadline, Body body) {
    return Run<Body, R>(Mode::kSingle, deadline, body);
  }

  /// One READ COMMITTED transaction, durable when this returns a value; an error of the body undoes it. Deadlocks run
  /// again until the deadline. kDeadlineExceeded and kUnavailable from a commit: it may have happened.
  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  R Write(base::Deadline deadline, Body body) {
    return Run<Body, R>(Mode::kWrite, deadline, body);
  }

  /// For calls that carry no deadline.
  base::Deadline CallDeadline() const { return base::Deadline::After(options_.call_timeout); }
  const MysqlOptions& options() const { return options_; }
  std::size_t max_packet() const { return max_packet_; }  // as the server said when this process connected

 private:
  enum class Mode { kSnapshot, kSingle, kWrite };
  using PlainBody = std::function<base::Status(Connection&)>;

  explicit Engine(const MysqlOptions& options) : options_(options) {}

  template <typename Body, typename R>
  R Run(Mode mode, base::Deadline deadline, Body& body) {
    std::optional<R> result;
    const base::Status status = Execute(mode, deadline, [&](Connection& connection) -> base::Status {
      result.emplace(body(connection));
      if (!*result) return result->error();
      return {};
    });
    if (!status) return status.error();
    return std::move(*result);
  }

  base::Status Execute(Mode mode, base::Deadline deadline, const PlainBody& body);
  base::Status Attempt(Mode mode, Connection& connection, base::Deadline deadline, const PlainBody& body);
  base::Result<std::unique_ptr<Connection>> Borrow(base::Deadline deadline);
  void Return(std::unique_ptr<Connection> connection);  // none: its place becomes free
  void DropIdle();

  const MysqlOptions options_;
  std::size_t max_packet_ = 0;
  Watchdog watchdog_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t lent_ = 0;
};

}  // namespace millrace::mysql
