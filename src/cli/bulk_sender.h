#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/http_client.h"
#include "cli/ingest_tally.h"
#include "cli/page.h"

namespace millrace::cli {

struct SendOptions {
  size_t max_batch_documents = 256;
  size_t max_batch_bytes = 4 << 20;
  double unreachable_seconds = 60;  // without any answer: the server counts as gone
  double overloaded_seconds = 600;  // with nothing but 429 and 503
};

/// Sends documents in batches, two in flight. Documents of one key travel in one lane, so they arrive in order.
/// What the server has not answered is sent again, documents without a key under an Idempotency-Key, so that nothing is
/// doubled. Add() and Finish() belong to one thread.
class BulkSender {
 public:
  BulkSender(const Connection& connection, const SendOptions& options, IngestTally& tally);
  ~BulkSender();  // drops what was not sent; Finish() first
  BulkSender(const BulkSender&) = delete;
  BulkSender& operator=(const BulkSender&) = delete;

  /// Waits while both lanes are full. False once the sender has given up; the document then counts as failed.
  bool Add(OutgoingDocument document);

  /// Sends the rest and waits for the answers. The error is why it gave up.
  base::Status Finish();

  /// True once the sender has given up: the server is gone, or refuses us.
  bool stopped() const;

 private:
  struct Shared;
  class Lane;
  std::unique_ptr<Shared> shared_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  size_t next_lane_ = 0;
};

}  // namespace millrace::cli
