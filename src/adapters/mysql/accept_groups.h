#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"

namespace millrace::mysql {

/// Calls of few new documents without keys that come at the same time share one transaction, since what a commit costs
/// hardly depends on what is in it. None waits for others to come: a call runs at once with those that wait, and all
/// that come meanwhile are the next group. Thread-safe.
class AcceptGroups {
 public:
  using Answer = base::Result<std::vector<core::Accepted>>;
  /// Accepts documents in one transaction, all or none.
  using Run = std::function<Answer(std::span<const core::NewDocument>, base::Deadline)>;

  explicit AcceptGroups(Run run) : run_(std::move(run)) {}

  /// As `run` does, alone or with others. What a group fails of is each call's own: it runs alone then, unless the
  /// database was away or late, when the commit may have happened.
  Answer Accept(std::span<const core::NewDocument> documents, base::Deadline deadline);

 private:
  struct Call {
    Call(std::span<const core::NewDocument> some, base::Deadline until) : documents(some), deadline(until) {}

    const std::span<const core::NewDocument> documents;
    const base::Deadline deadline;
    enum class Stage { kWaiting, kRunning, kAnswered, kAlone } stage = Stage::kWaiting;
    std::optional<Answer> answer;
    std::condition_variable turn;
  };

  std::vector<Call*> TakeGroup();
  void WakeNext();
  void RunGroup(const std::vector<Call*>& group);
  Answer RunTogether(const std::vector<Call*>& group);

  const Run run_;
  std::mutex mutex_;
  std::deque<Call*> waiting_;
  int running_ = 0;  // groups
};

}  // namespace millrace::mysql
