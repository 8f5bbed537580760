#pragma once

#include <functional>
#include <string>

#include "core/effect_store.h"

namespace millrace::core {

/// What a document's state carries from one Begin to the next (DELIVERY §4).
struct RunMark {
  std::string worker;  // has it in hand; empty: nobody, whoever had it ended well
  bool alone = false;  // nothing else ran beside it
  int crashes = 0;     // of processes while they ran it alone
};

inline constexpr int kMaxCrashes = 2;

/// Whether `worker` may run a document that carries `mark`. kProcess: `mark` is made its own. kRunAlone, kWaitForDead,
/// kQuarantined: it stays as it is. `lives` says whether another worker may still be running, and is rarely asked.
WorkOrder::Verdict Guard(RunMark& mark, const std::string& worker, bool alone,
                         const std::function<bool(const std::string& worker)>& lives);

}  // namespace millrace::core
