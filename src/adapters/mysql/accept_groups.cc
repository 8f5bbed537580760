#include "adapters/mysql/accept_groups.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace millrace::mysql {
namespace {

constexpr std::size_t kFewDocuments = 16, kFewBytes = 64 << 10;  // of one call
constexpr std::size_t kGroupDocuments = 256, kGroupBytes = 2 << 20;
constexpr int kGroupsAtOnce = 2;  // one waits for the disk, and one is put together

/// A call that is about to be late would make its group late.
constexpr auto kPatience = std::chrono::seconds(2);

/// Nobody's locks are in the way of a new document without a key; another one might hold up its whole group.
bool WaitsForNobody(const core::NewDocument& document) { return !document.key && !document.part; }

std::size_t BytesOf(std::span<const core::NewDocument> documents) {
  std::size_t bytes = 0;
  for (const core::NewDocument& document : documents) bytes += document.title.size() + document.content.size();
  return bytes;
}

/// Whether the call of a group may have been carried out though it failed, or would fail alone as well.
bool IsOutage(base::Code code) {
  return code == base::Code::kUnavailable || code == base::Code::kDeadlineExceeded || code == base::Code::kOverloaded;
}

}  // namespace

AcceptGroups::Answer AcceptGroups::Accept(std::span<const core::NewDocument> documents, base::Deadline deadline) {
  const bool shares = documents.size() <= kFewDocuments && BytesOf(documents) <= kFewBytes &&
                      deadline.remaining() >= kPatience &&
                      std::all_of(documents.begin(), documents.end(), WaitsForNobody);
  if (!shares) return run_(documents, deadline);
  Call call(documents, deadline);
  {
    std::unique_lock lock(mutex_);
    waiting_.push_back(&call);
    while (call.stage == Call::Stage::kWaiting || call.stage == Call::Stage::kRunning) {
      if (call.stage == Call::Stage::kWaiting && running_ < kGroupsAtOnce) {
        const std::vector<Call*> group = TakeGroup();
        ++running_;
        lock.unlock();
        RunGroup(group);
        lock.lock();
        --running_;
        WakeNext();
      } else if (call.stage == Call::Stage::kRunning) {
        call.turn.wait(lock);  // as long as its group, which has a deadline
      } else if (call.turn.wait_until(lock, deadline.when()) == std::cv_status::timeout &&
                 call.stage == Call::Stage::kWaiting) {
        std::erase(waiting_, &call);
        WakeNext();  // it may have been this one's turn
        return base::Error{base::Code::kDeadlineExceeded, "the database did not answer in time", {}};
      }
    }
  }
  return call.stage == Call::Stage::kAlone ? run_(documents, deadline) : std::move(*call.answer);
}

/// REQUIRES: mutex_ held.
void AcceptGroups::WakeNext() {
  if (!waiting_.empty()) waiting_.front()->turn.notify_one();
}

/// The first of those that wait. REQUIRES: mutex_ held, and one waits.
std::vector<AcceptGroups::Call*> AcceptGroups::TakeGroup() {
  std::vector<Call*> group;
  std::size_t documents = 0, bytes = 0;
  while (!waiting_.empty()) {
    Call* const next = waiting_.front();
    documents += next->documents.size();
    bytes += BytesOf(next->documents);
    if (!group.empty() && (documents > kGroupDocuments || bytes > kGroupBytes)) break;
    next->stage = Call::Stage::kRunning;
    group.push_back(next);
    waiting_.pop_front();
  }
  return group;
}

void AcceptGroups::RunGroup(const std::vector<Call*>& group) {
  Answer together = RunTogether(group);
  const bool alone = !together && group.size() > 1 && !IsOutage(together.error().code);
  std::size_t first = 0;
  std::lock_guard lock(mutex_);
  for (Call* call : group) {
    if (together) {
      const auto begin = together->begin() + static_cast<std::ptrdiff_t>(first);
      first += call->documents.size();
      call->answer.emplace(std::vector(begin, begin + static_cast<std::ptrdiff_t>(call->documents.size())));
    } else if (!alone) {
      call->answer.emplace(together.error());
    }
    call->stage = alone ? Call::Stage::kAlone : Call::Stage::kAnswered;
    call->turn.notify_one();  // under the lock: the call goes when it sees its stage
  }
}

AcceptGroups::Answer AcceptGroups::RunTogether(const std::vector<Call*>& group) {
  if (group.size() == 1) return run_(group.front()->documents, group.front()->deadline);
  std::vector<core::NewDocument> documents;
  base::Deadline deadline = group.front()->deadline;
  for (const Call* call : group) {
    documents.insert(documents.end(), call->documents.begin(), call->documents.end());
    deadline = deadline.EarlierOf(call->deadline);
  }
  return run_(documents, deadline);
}

}  // namespace millrace::mysql
