#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace millrace::http {

/// The fixed threads that run handlers, which may block. Thread-safe.
class WorkerPool {
 public:
  WorkerPool(std::size_t threads, std::size_t max_queued);
  /// Runs what is queued, then joins.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False when `max_queued` jobs wait. Jobs must not throw.
  bool TrySubmit(std::function<void()> job);

  /// For the further parts of an answer that has begun: at most one a connection, so the connections bound them.
  void SubmitContinuation(std::function<void()> job);

 private:
  void Run();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable not_empty_;
  std::deque<std::function<void()>> jobs_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace millrace::http
