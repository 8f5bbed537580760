#include "cli/ingest_tally.h"

namespace millrace::cli {

void IngestTally::Accept(AwaitedDocument document) {
  std::lock_guard lock(mutex_);
  ++(document.unchanged ? counts_.unchanged : counts_.accepted);
  ++counts_.awaited;
  awaited_.push_back(std::move(document));
}

void IngestTally::Fail(const std::string& name, const std::string& reason) {
  std::lock_guard lock(mutex_);
  ++counts_.failed;
  failures_.emplace_back(name, reason);
}

bool IngestTally::TakeAwaited(AwaitedDocument* document) {
  std::lock_guard lock(mutex_);
  if (awaited_.empty()) return false;
  *document = std::move(awaited_.front());
  awaited_.pop_front();
  return true;
}

void IngestTally::PutBack(AwaitedDocument document) {
  std::lock_guard lock(mutex_);
  awaited_.push_back(std::move(document));
}

void IngestTally::Settle(const AwaitedDocument& document) {
  std::lock_guard lock(mutex_);
  --counts_.awaited;
  if (!document.unchanged) ++counts_.indexed;
}

void IngestTally::FailAwaited(const AwaitedDocument& document, const std::string& reason) {
  std::lock_guard lock(mutex_);
  --counts_.awaited;
  ++counts_.failed;
  --(document.unchanged ? counts_.unchanged : counts_.accepted);
  failures_.emplace_back(document.name, reason);
}

IngestCounts IngestTally::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

std::vector<IngestTally::Failure> IngestTally::failures() const {
  std::lock_guard lock(mutex_);
  return failures_;
}

}  // namespace millrace::cli
