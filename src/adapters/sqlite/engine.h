#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/directory_lock.h"
#include "adapters/sqlite/sqlite_store.h"
#include "adapters/sqlite/writer.h"
#include "base/deadline.h"
#include "base/result.h"

namespace millrace::sqlite {

/// What expires goes in transactions of so many rows, so that it does not hold up other writers.
constexpr std::int64_t kMaxRemovedRows = 1000;

/// A few read-only connections. Each Read sees one snapshot and never waits for the writer. Thread-safe.
class Readers {
 public:
  explicit Readers(std::vector<std::unique_ptr<Connection>> connections) : idle_(std::move(connections)) {}

  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  R Read(Body body) {
    std::unique_ptr<Connection> connection = Borrow();
    if (!connection) return base::Error{base::Code::kOverloaded, "every reader of the database is busy", {}};
    R result = ReadWith(*connection, body);
    if (connection->in_transaction()) connection->TryExecute("ROLLBACK");
    Return(std::move(connection));
    return result;
  }

 private:
  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  static R ReadWith(Connection& connection, Body& body) {
    try {
      connection.Run("BEGIN");
      R result = body(connection);
      connection.Run("COMMIT");
      return result;
    } catch (const Failure& failure) {
      return failure.error();
    } catch (const std::exception& bug) {
      return base::Error{base::Code::kInternal, bug.what(), {}};
    }
  }

  std::unique_ptr<Connection> Borrow();  // none when all stay busy
  void Return(std::unique_ptr<Connection> connection);

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

/// What every store of the database works with.
struct Engine {
  /// Locks the directory, opens and checks the file, brings its schema up to date.
  static base::Result<std::unique_ptr<Engine>> Open(const SqliteOptions& options);

  base::Deadline WriteDeadline() const { return base::Deadline::After(options.write_timeout); }

  SqliteOptions options;
  std::unique_ptr<DirectoryLock> lock;
  std::unique_ptr<Writer> writer;  // its connection closes last, and so checkpoints and removes the log file
  std::unique_ptr<Readers> readers;
};

}  // namespace millrace::sqlite
