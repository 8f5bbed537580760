#include "core/poison_guard.h"

namespace millrace::core {

WorkOrder::Verdict Guard(RunMark& mark, const std::string& worker, bool alone,
                         const std::function<bool(const std::string& worker)>& lives) {
  using Verdict = WorkOrder::Verdict;
  const bool of_another = !mark.worker.empty() && mark.worker != worker;
  if (!alone && (of_another || mark.crashes > 0)) return Verdict::kRunAlone;
  int crashes = mark.crashes;
  if (of_another && mark.alone) {
    if (lives(mark.worker)) return Verdict::kWaitForDead;
    if (++crashes >= kMaxCrashes) return Verdict::kQuarantined;
  }
  mark = {worker, alone, crashes};
  return Verdict::kProcess;
}

}  // namespace millrace::core
