#include "ingest/keyed_requests.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace millrace::ingest {

using Kind = core::RequestState::Kind;

namespace {

constexpr auto kEndPatience = std::chrono::seconds(5);

}  // namespace

KeyedRequests::KeyedRequests(Ports ports, std::string owner, base::Metrics& metrics)
    : ports_(ports),
      owner_(std::move(owner)),
      replayed_(metrics.AddCounter("millrace_requests_replayed_total",
                                   "Requests answered as before, because of their idempotency key.")),
      taken_over_(metrics.AddCounter("millrace_requests_taken_over_total",
                                     "Requests with an idempotency key that a dead process had left.")) {}

base::Result<core::RequestState> KeyedRequests::Begin(const std::string& id, const std::string& fingerprint,
                                                      base::Deadline deadline) {
  {
    std::lock_guard lock(mutex_);
    if (!running_.insert(id).second) return core::RequestState{Kind::kUnderWay, owner_, core::Now(), {}};
  }
  auto state = Claim({id, fingerprint, owner_, {}}, deadline);
  if (!state || state->kind != Kind::kOurs) Forget(id);
  if (state && state->kind == Kind::kAnswered) replayed_.Add();
  return state;
}

base::Result<core::RequestState> KeyedRequests::Claim(core::RequestClaim claim, base::Deadline deadline) {
  ASSIGN_OR_RETURN(core::RequestState state, ports_.keys.Begin(claim, deadline));
  if (state.kind != Kind::kUnderWay) return state;
  ASSIGN_OR_RETURN(const bool gone, IsGone(state));
  if (!gone) return state;
  claim.instead_of = state.owner;
  ASSIGN_OR_RETURN(state, ports_.keys.Begin(claim, deadline));
  if (state.kind == Kind::kOurs) taken_over_.Add();
  return state;
}

base::Result<bool> KeyedRequests::IsGone(const core::RequestState& state) {
  if (state.begun_at + kLongestRun <= core::Now()) return true;
  ASSIGN_OR_RETURN(const auto living, ports_.instances.List());
  return std::none_of(living.begin(), living.end(), [&](const core::Instance& one) { return one.id == state.owner; });
}

void KeyedRequests::End(const std::string& id, const std::optional<core::KeptAnswer>& answer) {
  const auto deadline = base::Deadline::After(kEndPatience);
  const base::Status ended =
      answer ? ports_.keys.Finish(id, owner_, *answer, deadline) : ports_.keys.Release(id, owner_, deadline);
  if (!ended) base::LogWarning("the end of a request with an idempotency key was not noted: {}", ended.error().message);
  Forget(id);
}

void KeyedRequests::Forget(const std::string& id) {
  std::lock_guard lock(mutex_);
  running_.erase(id);
}

}  // namespace millrace::ingest
