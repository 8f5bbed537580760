#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"
#include "core/log.h"

namespace millrace::core {

using DeadLetterId = std::int64_t;  // > 0, never reused

/// A record on its way to the dead letters.
struct DeadLetterDraft {
  DeadLetterId id = 0;  // of a redriven record: the dead letter it was, which is brought up to date; 0: a new one
  Position original;    // where the record lay first
  Timestamp original_timestamp;  // no two share position and time (offsets of a topic made anew begin at 0 again)
  DocumentId document_id = 0;    // 0: it names none
  Version version = 0;           // 0: it became none
  int attempts = 1;              // runs of the pipeline since it was accepted or redriven, this one included
  DocumentError error;
  LogRecord copy;  // for the dead-letter topic: key, value and headers as read, with those of ingest/failure_headers.h
};

/// What becomes of a dead letter that rests on the list already: its record was read twice, and no copy is sent again.
enum class WhenListed { kUpdate, kLeave };

/// A dead letter as it is listed; its payload is a RecordPayload.
struct DeadLetter {
  DeadLetterId id = 0;
  Position original;
  Timestamp original_timestamp;
  DocumentId document_id = 0;
  Version version = 0;
  int attempts = 0;
  DocumentError error;
  Timestamp failed_at;  // the last time
  int redrives = 0;
  std::optional<Timestamp> redriven_at;  // it is under way again since then; none: it rests
  std::optional<Position> position;      // of its newest copy on the dead-letter topic, once delivered
  std::int64_t value_bytes = 0;
};

/// As on the dead-letter topic, without the copy's own headers.
struct RecordPayload {
  std::optional<std::string> key, value;
  std::vector<RecordHeader> headers;
};

struct DeadLetterQuery {
  std::vector<DeadLetterId> ids;  // empty: any
  std::optional<std::string> code, stage;
  std::optional<DocumentId> document_id;
  std::optional<Timestamp> since, until;  // of `failed_at`: [since, until)
  std::optional<bool> redriven;           // under way again, or at rest
  std::optional<DeadLetterId> before;     // only ids below this one: the cursor
  std::size_t limit = 100;
};

struct DeadLetterReason {
  std::string code, stage;
  std::int64_t count = 0;
  Timestamp newest;
};

/// Dead letters as their keeper sees them (DELIVERY §4). They are added by EffectStore, delivered by the outbox, and
/// leave when their document is indexed or deleted, when a redriven one turns out to be overtaken, or by hand.
/// Thread-safe; every write is durable when it returns.
class DeadLetters {
 public:
  virtual ~DeadLetters() = default;

  virtual base::Result<std::vector<DeadLetter>> List(const DeadLetterQuery& query) = 0;  // newest first (highest id)
  virtual base::Result<std::int64_t> Count(const DeadLetterQuery& query) = 0;  // `before`, `limit` don't count
  virtual base::Result<std::vector<DeadLetterReason>> Reasons() = 0;           // most frequent first
  virtual base::Result<RecordPayload> Payload(DeadLetterId id) = 0;

  /// Sends `record` to the topic it names, through the outbox as it stands, and marks the dead letter as under way. Its
  /// document, if it became a version of one and that is the newest, is `queued` again (with its event), nothing tried
  /// yet. kNotFound; kConflict when it is under way already, or its document is deleted, or has a newer version, or is
  /// indexed.
  virtual base::Status Redrive(DeadLetterId id, const LogRecord& record, base::Deadline deadline) = 0;

  /// Takes them off the list; what is on the topic stays there, documents stay as they are. How many there were.
  virtual base::Result<std::int64_t> Purge(std::span<const DeadLetterId> ids, base::Deadline deadline) = 0;
};

}  // namespace millrace::core
