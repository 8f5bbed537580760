#include "admin/pipeline_history.h"

#include <algorithm>

namespace millrace::admin {
namespace {

PipelineSample SampleOf(core::Timestamp at, const base::Result<PipelineStatus>& status) {
  PipelineSample sample;
  sample.at = at;
  if (!status) return sample;  // the store is away, which /health and the log say; here it is a gap
  sample.waiting = status->waiting();
  sample.documents_per_second = status->documents_per_second;
  sample.chunks_per_second = status->chunks_per_second;
  if (!status->total_lag) return sample;  // the log is away
  sample.lag = status->total_lag;
  sample.published = sample.committed = 0;
  for (const PartitionLag& partition : status->lag) {
    *sample.published += partition.high;
    *sample.committed += partition.committed.value_or(partition.low);
  }
  return sample;
}

}  // namespace

void PipelineHistory::Start() {
  thread_ = std::thread([this] {
    do {
      const auto next = base::Deadline::After(kStep);
      Take(core::Now());
      if (stop_.SleepUntil(next)) return;
    } while (true);
  });
}

void PipelineHistory::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

void PipelineHistory::Take(core::Timestamp now) {
  const PipelineSample sample = SampleOf(now, overview_.Pipeline());
  std::lock_guard lock(mutex_);
  // A clock that was set back: what it said before would be in the future.
  while (!samples_.empty() && samples_.back().at >= now) samples_.pop_back();
  samples_.push_back(sample);
  if (samples_.size() > kKept) samples_.pop_front();
}

std::vector<PipelineSample> PipelineHistory::Since(core::Timestamp from) const {
  std::lock_guard lock(mutex_);
  const auto first = std::partition_point(samples_.begin(), samples_.end(),
                                          [from](const PipelineSample& sample) { return sample.at < from; });
  return {first, samples_.end()};
}

}  // namespace millrace::admin
