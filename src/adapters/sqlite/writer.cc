#include "adapters/sqlite/writer.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "base/log.h"

namespace millrace::sqlite {
namespace {

constexpr std::size_t kMaxBatch = 256;
constexpr auto kMaxBatchTime = std::chrono::milliseconds(20);  // what the first of a batch waits for the others' bodies

}  // namespace

Writer::Writer(std::unique_ptr<Connection> connection, std::size_t max_waiting)
    : connection_(std::move(connection)), max_waiting_(max_waiting), thread_([this] { Loop(); }) {}

void Writer::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

base::Status Writer::Execute(base::Deadline deadline, std::function<base::Status(Connection&)> body,
                             std::function<void()> after_commit) {
  const JobPtr job(new Job{std::move(body), std::move(after_commit), deadline});
  std::unique_lock lock(mutex_);
  if (stopping_) return {base::Code::kUnavailable, "the store is closing"};
  if (waiting_.size() >= max_waiting_) {
    return {base::Code::kOverloaded, fmt::format("{} writes are waiting for the disk", max_waiting_)};
  }
  waiting_.push_back(job);
  wake_.notify_one();
  job->changed.wait_until(lock, deadline.when(), [&] { return job->finished; });
  job->changed.wait(lock, [&] { return !job->running; });  // the body uses what its caller owns
  if (job->finished) return std::move(job->outcome);
  job->left = true;
  return {base::Code::kDeadlineExceeded, "the write did not end in time; it may still happen"};
}

void Writer::Loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    lock.unlock();
    RunBatch();
    lock.lock();
  }
}

/// The next job whose caller still waits, marked as running.
Writer::JobPtr Writer::TakeNext(bool first) {
  std::lock_guard lock(mutex_);
  while (!waiting_.empty()) {
    if (waiting_.front()->alone && !first) return nullptr;
    JobPtr job = std::move(waiting_.front());
    waiting_.pop_front();
    if (job->left) continue;
    job->running = true;
    return job;
  }
  return nullptr;
}

base::Status Writer::RunBody(Job& job) {
  base::Status outcome;
  try {
    if (!connection_->in_transaction()) connection_->Execute("BEGIN IMMEDIATE");
    connection_->Run("SAVEPOINT body");
    outcome = job.body(*connection_);
    if (outcome) connection_->Run("RELEASE body");
  } catch (const Failure& failure) {
    outcome = failure.error();
  } catch (const std::exception& bug) {
    outcome = base::Error{base::Code::kInternal, bug.what(), {}};
  }
  if (!outcome && connection_->in_transaction() && !connection_->TryExecute("ROLLBACK TO body; RELEASE body")) {
    connection_->TryExecute("ROLLBACK");
  }
  return outcome;
}

void Writer::RunBatch() {
  const auto started = std::chrono::steady_clock::now();
  std::vector<JobPtr> written;
  do {
    const JobPtr job = TakeNext(written.empty());
    if (!job) break;
    base::Status outcome = RunBody(*job);
    if (outcome) {
      written.push_back(job);
      std::lock_guard lock(mutex_);
      job->running = false;
      if (job->deadline.expired()) job->changed.notify_one();
      if (job->alone) break;
      continue;
    }
    Finish(job, std::move(outcome));
    if (!connection_->in_transaction()) {  // a full disk, say, took the others' work with it: they run again
      PutBack(written, false);
      return;
    }
  } while (written.size() < kMaxBatch && std::chrono::steady_clock::now() - started < kMaxBatchTime);

  if (!connection_->in_transaction()) return;
  try {
    connection_->Run("COMMIT");
  } catch (const Failure& failure) {
    connection_->TryExecute("ROLLBACK");
    if (written.size() > 1) return PutBack(written, true);
    for (const JobPtr& job : written) Finish(job, failure.error());
    return;
  }
  for (const JobPtr& job : written) {
    if (job->after_commit) job->after_commit();
    Finish(job, {});
  }
}

void Writer::Finish(const JobPtr& job, base::Status outcome) {
  std::lock_guard lock(mutex_);
  if (!outcome && job->left) base::LogWarning("a write that nobody waits for failed: {}", outcome.error().message);
  job->outcome = std::move(outcome);
  job->running = false;
  job->finished = true;
  job->changed.notify_one();
}

void Writer::PutBack(const std::vector<JobPtr>& jobs, bool alone) {
  std::lock_guard lock(mutex_);
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
    (*job)->alone = (*job)->alone || alone;
    waiting_.push_front(*job);
  }
}

}  // namespace millrace::sqlite
