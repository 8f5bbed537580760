#pragma once

#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/log.h"
#include "core/search_statistics.h"

namespace millrace::search {

/// The search that a record of `search-analytics` tells of (CONTRACT §2), whoever wrote it; nothing when it is none.
/// When it was is the record's time in the log, because the message's own carries no zone; `now` when that is
/// missing or in the future.
std::optional<core::SearchRecord> DecodeSearchRecord(const core::LogRecord& record, core::Timestamp now);

/// A member of the group `millrace-analytics`: adds what searches left in the log to the statistics, and forgets what
/// is older than 30 days. The statistics know what they counted, so nothing counts twice; offsets are committed to the
/// log after that, for the lag. While the store is away it waits and the log keeps the searches. Run on every server:
/// the group sees to it that one of them counts.
class AnalyticsConsumer {
 public:
  AnalyticsConsumer(std::unique_ptr<core::LogConsumer> consumer, core::SearchStatistics& statistics,
                    base::Metrics& metrics);
  ~AnalyticsConsumer();

  base::Status Start();
  void Stop();  // what is read and not counted yet stays in the log

 private:
  void Run();
  bool Count(const core::SearchBatch& batch);  // false: stopped before it was counted
  void Commit(const std::vector<core::SearchBatch>& batches);
  void ForgetOld();

  const std::unique_ptr<core::LogConsumer> consumer_;
  core::SearchStatistics& statistics_;
  base::Counter& counted_;
  base::Counter& refused_;
  base::Counter& not_searches_;
  base::StopFlag stop_;
  std::set<core::TopicPartition> partitions_;  // assigned now
  base::Deadline forget_due_ = base::Deadline::Expired();
  std::thread thread_;
};

}  // namespace millrace::search
