#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "admin/status.h"
#include "base/signal.h"
#include "core/document.h"

namespace millrace::admin {

/// What the pipeline was like at one moment. Nothing where it could not be read: that is not the same as 0.
struct PipelineSample {
  core::Timestamp at;
  std::optional<std::int64_t> published;  // messages in the uploads' partitions ever; falls when the topic is made anew
  std::optional<std::int64_t> committed;  // of them worked off
  std::optional<std::int64_t> lag;
  std::optional<std::int64_t> waiting;  // documents that are not indexed yet
  std::optional<double> documents_per_second;
  std::optional<double> chunks_per_second;
};

/// The last six hours of the pipeline in memory, for charts that begin before anybody looked; no further back than the
/// start of this process. Thread-safe.
class PipelineHistory {
 public:
  static constexpr auto kStep = std::chrono::seconds(10);
  static constexpr auto kSpan = std::chrono::hours(6);
  static constexpr std::size_t kKept = kSpan / kStep;

  explicit PipelineHistory(Overview& overview) : overview_(overview) {}
  ~PipelineHistory() { Stop(); }

  /// Takes a sample at once, then one in kStep.
  void Start();
  /// Within the time that the overview takes for an answer.
  void Stop();

  void Take(core::Timestamp now);

  /// Those of `from` and later, in the order of their times.
  std::vector<PipelineSample> Since(core::Timestamp from) const;

 private:
  Overview& overview_;
  mutable std::mutex mutex_;
  std::deque<PipelineSample> samples_;
  base::StopFlag stop_;
  std::thread thread_;
};

}  // namespace millrace::admin
