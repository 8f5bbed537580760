#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document.h"
#include "core/log.h"

namespace millrace::core {

/// For so long the relay leaves the message of a synchronous version to the process that accepted it; then it publishes
/// what a dead one left behind (DELIVERY §2).
inline constexpr std::chrono::seconds kSyncUploadDelay{60};

inline std::chrono::seconds UploadDelay(const NewDocument& document) {
  return document.sync ? kSyncUploadDelay : std::chrono::seconds(0);
}

/// A message that a committed transaction owes the log.
struct OutboxRow {
  std::int64_t id = 0;
  std::string topic;
  DocumentId document_id = 0;  // 0: of none
  Version version = 0;

  // Of all but uploads built by the relay: what Produce takes. Key, value and headers as they stand, no partition or
  // time yet; of events the key is `doc_<document_id>`.
  std::optional<LogRecord> record;

  // Of uploads, whose payload the relay builds:
  std::string title;
  std::optional<std::string> content;  // absent when above the inline limit: the message then refers to the store
  std::int64_t content_bytes = 0;
  std::string content_hash;  // SHA-256, lower-case hex
  Timestamp created_at;
};

struct Sent {
  std::int64_t row = 0;
  Position position;
};

struct OutboxBacklog {
  std::int64_t rows = 0;
  std::optional<Timestamp> oldest;  // when its transaction wrote it, by its process's clock

  /// 0 for one whose writer's clock is ahead of ours.
  std::chrono::milliseconds Age(Timestamp now) const {
    return oldest && *oldest < now ? now - *oldest : std::chrono::milliseconds(0);
  }
};

/// Thread-safe. What is due, and which lease has ended, goes by one clock for all who claim, and not by the wall clock
/// of the process that wrote a row: clocks differ and jump, and what is owed must not wait for them. Rows are claimed
/// by what is unsent, never by "id greater than": commits come out of id order.
class Outbox {
 public:
  virtual ~Outbox() = default;

  /// Up to `limit` rows that are due and not under another's lease; of each (document, topic) only the oldest unsent
  /// one, and none while one of them is claimed; rows of no document do not wait for each other. The lease must outlast
  /// the producer's timeout; an expired one may be claimed again.
  virtual base::Result<std::vector<OutboxRow>> Claim(std::size_t limit, std::size_t max_inline_bytes,
                                                     std::chrono::milliseconds lease) = 0;

  /// On the delivery report only. Removes the rows; records the position of uploads that the relay built on their
  /// document (copies keep the original's, DELIVERY §3) and that of dead letters on theirs.
  virtual base::Status MarkSent(std::span<const Sent> sent) = 0;

  /// Gives claimed rows back at once, after a producer's error.
  virtual base::Status Release(std::span<const std::int64_t> rows) = 0;

  /// Adds an upload row for a document whose message cannot arrive by itself (the sweeper). Nothing if one is there.
  virtual base::Status Requeue(DocumentId id, Version version) = 0;

  virtual base::Result<OutboxBacklog> Backlog() = 0;
};

}  // namespace millrace::core
