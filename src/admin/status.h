#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document_store.h"
#include "core/instances.h"
#include "core/log.h"
#include "core/vector_index.h"

namespace millrace::admin {

struct PartitionLag {
  std::string topic;
  std::int32_t partition = 0;
  std::string group;
  std::int64_t low = 0, high = 0;
  std::optional<std::int64_t> committed;  // none: no commit yet
  std::int64_t lag = 0;                   // never negative
};

/// What `millrace status` and the console show.
struct PipelineStatus {
  core::StoreCounts store;
  core::IndexSize index;
  std::int64_t outbox_rows = 0;
  std::optional<double> outbox_age_seconds;
  std::string log_trouble;        // why what the log would say is missing below; empty: it answered
  std::vector<PartitionLag> lag;  // of document-uploads for embedding-workers
  std::optional<std::int64_t> total_lag;
  std::vector<PartitionLag> retry_lag;  // of the retry topics: records that wait for their time, or for a worker then
  std::optional<std::int64_t> retries_waiting;
  std::int64_t dead_letters = 0;
  std::int64_t servers = 0, workers = 0;  // live instances
  std::int64_t in_flight = 0;             // documents being processed by all of them
  double documents_per_second = 0;        // of all of them, over the last 30 s
  double chunks_per_second = 0;
  double tokens_per_second = 0;
  std::optional<double> seconds_left;  // until outbox, lag and in-flight are worked off; none when nothing moves
  std::string model;

  /// Documents that are neither indexed nor given up.
  std::int64_t waiting() const {
    const auto count = [this](core::DocumentStatus status) {
      return store.documents_by_status[static_cast<std::size_t>(status)];
    };
    return count(core::DocumentStatus::kQueued) + count(core::DocumentStatus::kProcessing) +
           count(core::DocumentStatus::kRetrying);
  }
};

enum class Readiness { kReady, kLoadingIndex, kDraining };

inline constexpr char kConnected[] = "connected";

/// kConnected, or `disconnected: <reason>`; `consumption` is there only while the pipeline waits: `stopped: <why>`.
using DependencyHealth = std::map<std::string, std::string>;

/// Thread-safe; each call answers within 2 s whatever is down.
class Overview {
 public:
  virtual ~Overview() = default;
  virtual base::Result<PipelineStatus> Pipeline() = 0;                // an error when the store is away
  virtual base::Result<std::vector<core::Instance>> Instances() = 0;  // live ones, this process among them
  virtual Readiness readiness() const = 0;
  virtual DependencyHealth Health() = 0;
  virtual std::string mode() const = 0;  // `embedded` or `cluster`
};

}  // namespace millrace::admin
