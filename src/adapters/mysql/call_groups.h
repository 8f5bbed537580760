#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"

namespace millrace::mysql {

/// Calls that come at the same time share one run, where what a run costs hardly depends on how much is asked of it.
/// None waits for others to come: a call runs at once with those that wait, and all that come meanwhile are the next
/// group. A call asks for some items and gets one answer for each. Thread-safe.
template <typename Item, typename Answer>
class CallGroups {
 public:
  using Answers = base::Result<std::vector<Answer>>;
  /// Answers all of them, or none.
  using Run = std::function<Answers(std::span<const Item>, base::Deadline)>;

  struct Bounds {
    std::size_t items, bytes;  // of a group, which has one call at least
    int at_once;               // groups
    /// A call waits no longer for those at work: they may be held up.
    base::Deadline::Clock::duration patience = std::chrono::hours(1);
  };

  CallGroups(Bounds bounds, Run run) : bounds_(bounds), run_(std::move(run)) {}

  /// As `run` does, alone or with others. What a group fails of is each call's own: it runs alone then, unless the
  /// database was away or late, when it may have been done.
  Answers Ask(std::span<const Item> items, std::size_t bytes, base::Deadline deadline) {
    Call call(items, bytes, deadline);
    const auto impatient = base::Deadline::Clock::now() + bounds_.patience;
    std::unique_lock lock(mutex_);
    waiting_.push_back(&call);
    while (call.stage == Stage::kWaiting || call.stage == Stage::kRunning) {
      const auto now = base::Deadline::Clock::now();
      if (call.stage == Stage::kRunning) {
        call.turn.wait(lock);  // as long as its group, which has a deadline
      } else if (now >= deadline.when()) {
        std::erase(waiting_, &call);
        WakeNext();  // it may have been this one's turn
        return base::Error{base::Code::kDeadlineExceeded, "the database did not answer in time", {}};
      } else if (running_ < bounds_.at_once || now >= impatient) {
        RunGroup(lock);
      } else {
        call.turn.wait_until(lock, std::min(impatient, deadline.when()));
      }
    }
    lock.unlock();
    return call.stage == Stage::kAlone ? run_(items, deadline) : std::move(*call.answers);
  }

 private:
  enum class Stage { kWaiting, kRunning, kAnswered, kAlone };

  struct Call {
    Call(std::span<const Item> asked, std::size_t size, base::Deadline until)
        : items(asked), bytes(size), deadline(until) {}

    const std::span<const Item> items;
    const std::size_t bytes;
    const base::Deadline deadline;
    Stage stage = Stage::kWaiting;
    std::optional<Answers> answers;
    std::condition_variable turn;
  };

  using Group = std::vector<Call*>;

  /// Runs the first of those that wait. REQUIRES: `lock` held, and one waits.
  void RunGroup(std::unique_lock<std::mutex>& lock) {
    const Group group = TakeGroup();
    ++running_;
    lock.unlock();
    Answers together = RunTogether(group);
    lock.lock();
    --running_;
    Share(group, std::move(together));
    WakeNext();
  }

  Group TakeGroup() {
    Group group;
    std::size_t items = 0, bytes = 0;
    while (!waiting_.empty()) {
      Call* const next = waiting_.front();
      items += next->items.size();
      bytes += next->bytes;
      if (!group.empty() && (items > bounds_.items || bytes > bounds_.bytes)) break;
      next->stage = Stage::kRunning;
      group.push_back(next);
      waiting_.pop_front();
    }
    return group;
  }

  Answers RunTogether(const Group& group) {
    if (group.size() == 1) return run_(group.front()->items, group.front()->deadline);
    std::vector<Item> items;
    base::Deadline deadline = group.front()->deadline;
    for (const Call* call : group) {
      items.insert(items.end(), call->items.begin(), call->items.end());
      deadline = deadline.EarlierOf(call->deadline);
    }
    return run_(items, deadline);
  }

  /// REQUIRES: mutex_ held: a call goes when it sees its stage.
  void Share(const Group& group, Answers together) {
    // After an outage it may have been carried out, or would fail alone as well.
    const bool alone = !together && group.size() > 1 && !base::IsRetryable(together.error().code);
    std::size_t first = 0;
    for (Call* call : group) {
      if (together) {
        const auto begin = std::make_move_iterator(together->begin() + static_cast<std::ptrdiff_t>(first));
        first += call->items.size();
        call->answers.emplace(std::vector<Answer>(begin, begin + static_cast<std::ptrdiff_t>(call->items.size())));
      } else if (!alone) {
        call->answers.emplace(together.error());
      }
      call->stage = alone ? Stage::kAlone : Stage::kAnswered;
      call->turn.notify_one();
    }
  }

  /// REQUIRES: mutex_ held.
  void WakeNext() {
    if (!waiting_.empty()) waiting_.front()->turn.notify_one();
  }

  const Bounds bounds_;
  const Run run_;
  std::mutex mutex_;
  std::deque<Call*> waiting_;
  int running_ = 0;
};

}  // namespace millrace::mysql
