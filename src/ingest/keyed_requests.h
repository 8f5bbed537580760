#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "base/deadline.h"
#include "base/metrics.h"
#include "base/result.h"
#include "core/idempotency.h"
#include "core/instances.h"

namespace millrace::ingest {

/// Carries out each request with an idempotency key once (ADR 11), whoever of the processes of the store it reaches.
/// Thread-safe.
class KeyedRequests {
 public:
  struct Ports {
    core::IdempotencyKeys& keys;
    core::Instances& instances;
  };

  /// `owner` is this process (Instance::id).
  KeyedRequests(Ports ports, std::string owner, base::Metrics& metrics);

  /// kOurs: to be carried out here and now, then End. A request that a dead process left, or one that nobody ended for
  /// kLongestRun, is taken over.
  base::Result<core::RequestState> Begin(const std::string& id, const std::string& fingerprint,
                                         base::Deadline deadline);

  /// REQUIRES: Begin said kOurs. Without an answer the request may run again. A store that is away is logged: the
  /// request may then be run again here at once, elsewhere once this process is gone or kLongestRun has passed.
  void End(const std::string& id, const std::optional<core::KeptAnswer>& answer);

  static constexpr std::chrono::minutes kLongestRun{10};  // beyond the longest wait that a request may ask for

 private:
  base::Result<core::RequestState> Claim(core::RequestClaim claim, base::Deadline deadline);
  base::Result<bool> IsGone(const core::RequestState& state);
  void Forget(const std::string& id);

  Ports ports_;
  const std::string owner_;
  base::Counter &replayed_, &taken_over_;
  std::mutex mutex_;
  std::set<std::string> running_;  // here
};

}  // namespace millrace::ingest
