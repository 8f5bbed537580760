#pragma once

#include <map>
#include <mutex>
#include <string>

#include "core/search_statistics.h"
#include "core/search_tally.h"

namespace millrace::memory {

/// Search statistics that end with the process. Thread-safe.
class SearchTable final : public core::SearchStatistics {
 public:
  base::Status Add(const core::SearchBatch& batch) override;
  base::Result<core::SearchReport> Report(const core::SearchRange& range, std::size_t top) override;
  base::Result<std::int64_t> Forget(core::Timestamp before) override;

 private:
  std::mutex mutex_;
  core::SearchTallies tallies_;
  std::map<core::TopicPartition, core::SearchProgress> progress_;
};

}  // namespace millrace::memory
