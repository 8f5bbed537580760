#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "base/result.h"
#include "cli/http_client.h"
#include "cli/ingest_tally.h"

namespace millrace::cli {

struct WatchOptions {
  bool wait = true;                 // until everything awaited is indexed or failed
  double unreachable_seconds = 60;  // without any answer: the server counts as gone
};

/// Watches the documents of a tally become indexed and shows progress, in a thread of its own. Thread-safe.
class IngestWatch {
 public:
  IngestWatch(const Connection& connection, const WatchOptions& options, IngestTally& tally);
  ~IngestWatch();
  IngestWatch(const IngestWatch&) = delete;
  IngestWatch& operator=(const IngestWatch&) = delete;

  void SetFileCount(size_t files) { file_count_ = files; }
  void FileDone() { ++files_done_; }

  /// Waits for what is awaited. The error says that the server went away meanwhile.
  base::Status Finish();

 private:
  void Run();
  /// Looks at the documents that wait longest; false when the server did not answer.
  bool LookAtAwaited();

  HttpClient client_;
  const WatchOptions options_;
  IngestTally& tally_;
  class Display;
  std::unique_ptr<Display> display_;
  std::atomic<size_t> file_count_{0}, files_done_{0};
  std::atomic<bool> all_sent_{false}, cancelled_{false};
  base::Error last_error_;
  bool gone_ = false;
  std::thread thread_;
};

}  // namespace millrace::cli
