#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace millrace::cli {

/// A version the server has taken and may still be indexing.
struct AwaitedDocument {
  int64_t id = 0;
  int64_t version = 0;
  std::string name;
  bool unchanged = false;  // it was there already
};

struct IngestCounts {
  size_t accepted = 0;   // new or changed
  size_t unchanged = 0;  // there already with the same title and content
  size_t indexed = 0;    // of the accepted ones
  size_t failed = 0;
  size_t awaited = 0;  // neither indexed nor failed yet, unchanged ones included
};

/// What became of each document; the sender's threads and the watcher write to it. Thread-safe.
class IngestTally {
 public:
  using Failure = std::pair<std::string, std::string>;  // name, reason

  void Accept(AwaitedDocument document);
  void Fail(const std::string& name, const std::string& reason);

  /// The document that waits longest; it must come back by PutBack, Settle or FailAwaited. False when there is none.
  bool TakeAwaited(AwaitedDocument* document);
  void PutBack(AwaitedDocument document);  // to the end
  void Settle(const AwaitedDocument& document);
  void FailAwaited(const AwaitedDocument& document, const std::string& reason);

  IngestCounts counts() const;
  std::vector<Failure> failures() const;

 private:
  mutable std::mutex mutex_;
  IngestCounts counts_;
  std::deque<AwaitedDocument> awaited_;
  std::vector<Failure> failures_;
};

}  // namespace millrace::cli
