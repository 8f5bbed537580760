#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "base/deadline.h"
#include "base/result.h"

namespace millrace::sqlite {

/// The one thread that writes. It takes what is waiting, runs each body in a savepoint of its own (one that fails goes
/// back alone) and commits them together, so that many callers share one fsync. Thread-safe.
class Writer {
 public:
  Writer(std::unique_ptr<Connection> connection, std::size_t max_waiting);
  ~Writer() { Stop(); }

  /// Runs what is queued, then ends the thread; later calls are kUnavailable.
  void Stop();

  /// Runs `body(Connection&)`, a Result, and returns it once it is durable. An error undoes what the body wrote. The
  /// body may run more than once, when the transaction around it was lost. It is never left running behind the caller's
  /// back; only the commit is (kDeadlineExceeded: it may still happen). `after_commit` runs on the writer's thread.
  template <typename Body, typename R = std::invoke_result_t<Body&, Connection&>>
  R Run(base::Deadline deadline, Body body, std::function<void()> after_commit = nullptr) {
    const auto result = std::make_shared<std::optional<R>>();
    const base::Status status = Execute(
        deadline,
        [result, &body](Connection& connection) -> base::Status {
          result->emplace(body(connection));
          if (!**result) return (*result)->error();
          return {};
        },
        std::move(after_commit));
    if (!status) return status.error();
    return std::move(**result);
  }

 private:
  struct Job {
    std::function<base::Status(Connection&)> body;
    std::function<void()> after_commit;
    base::Deadline deadline;
    base::Status outcome = {};
    bool running = false, finished = false;
    bool left = false;   // its caller has gone: the body must not run (again)
    bool alone = false;  // shares no commit, because one that it shared failed
    std::condition_variable changed = {};
  };
  using JobPtr = std::shared_ptr<Job>;

  base::Status Execute(base::Deadline deadline, std::function<base::Status(Connection&)> body,
                       std::function<void()> after_commit);
  void Loop();
  void RunBatch();
  JobPtr TakeNext(bool first);
  base::Status RunBody(Job& job);
  void Finish(const JobPtr& job, base::Status outcome);
  void PutBack(const std::vector<JobPtr>& jobs, bool alone);

  const std::unique_ptr<Connection> connection_;
  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<JobPtr> waiting_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace millrace::sqlite
