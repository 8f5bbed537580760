#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/metadata.h"

namespace millrace::core {

using DocumentId = std::int64_t;  // > 0, never reused
using ChunkId = std::int64_t;     // > 0, never reused
using Version = std::int64_t;     // 1, 2, 3 … of one document; 0 = none yet
using Revision =
    std::int64_t;  // raised when a version is indexed again; everything fenced is ordered by (version, revision)
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

inline Timestamp Now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

/// `2024-01-15T10:30:00.250Z`
std::string FormatTimestamp(Timestamp time);
/// RFC 3339, such as `2024-01-15T10:30:00Z` or `2024-01-15t12:30:00.25+02:00`; of the year 1970 or later. Fractions
/// beyond milliseconds are dropped.
std::optional<Timestamp> ParseTimestamp(std::string_view text);
/// `2024-01-15 10:30:00`, UTC, as the contract's lists show it.
std::string FormatSqlTimestamp(Timestamp time);
/// `2024-01-15T10:30:00`, UTC, as the contract's messages carry it.
std::string FormatMessageTimestamp(Timestamp time);

/// DELIVERY §1.
enum class DocumentStatus {
  kQueued,        // accepted and durable, waiting in the outbox or the log
  kProcessing,    // a worker has it
  kRetrying,      // failed for now, waits for its next attempt
  kIndexed,       // its chunks are committed in the store
  kFailed,        // will not be tried again by itself; `error` says why
  kDeadLettered,  // its message is on the dead-letter topic
  kSuperseded,    // this version was overtaken by a newer one (events only: a document shows its newest version)
  kDeleted,
};
std::string_view StatusName(DocumentStatus status);  // `queued`, `dead_lettered` …
std::optional<DocumentStatus> ParseStatus(std::string_view name);

enum class ChunkStrategy { kSentence, kPassage, kWhole };
std::string_view StrategyName(ChunkStrategy strategy);
std::optional<ChunkStrategy> ParseStrategy(std::string_view name);

/// How a document is cut. The token numbers count model tokens without [CLS] and [SEP].
struct Chunking {
  ChunkStrategy strategy = ChunkStrategy::kPassage;
  int max_tokens = 200;    // 16 … 254; a passage holds whole sentences up to here
  int overlap_tokens = 0;  // 0 … max_tokens / 2; whole sentences repeated from the passage before

  friend bool operator==(const Chunking&, const Chunking&) = default;
};

/// The part of a request with an idempotency key (core/idempotency.h) that brings a document.
struct RequestPart {
  std::string request;    // RequestClaim::id
  std::int64_t line = 0;  // no two documents of a request share it
};

/// A document as a client hands it in; already validated (UTF-8, not blank, within limits).
struct NewDocument {
  std::optional<std::string> key;  // the client's own name for it; the same key again is a new version
  std::string title;
  std::string content;
  Metadata metadata;
  Chunking chunking;
  bool sync = false;  // the accepting process runs the pipeline itself: the outbox row falls due in 60 s
  std::optional<RequestPart> part = {};
};

enum class AcceptKind { kCreated, kUpdated, kUnchanged };

struct Accepted {
  DocumentId id = 0;
  Version version = 0;  // the newest accepted version, also when unchanged
  AcceptKind kind = AcceptKind::kCreated;
  std::optional<Timestamp> created_at = {};  // of one that this very call created
};

/// Where a record lies in the log.
struct Position {
  std::string topic;
  std::int32_t partition = -1;
  std::int64_t offset = -1;

  friend bool operator==(const Position&, const Position&) = default;
};

/// When each step of the newest version was done.
struct StepTimes {
  std::optional<Timestamp> received, chunked, embedded, stored;
};

/// Why a document failed, in words a client can act on.
struct DocumentError {
  std::string code;     // `embedding_failed`, `no_text`, `content_missing` …
  std::string message;  // one plain sentence
  std::string stage;    // `decode`, `chunk`, `embed`, `store`
};

/// Everything known of a document but its content and chunks.
struct DocumentRecord {
  DocumentId id = 0;
  std::optional<std::string> key;
  std::string title;
  Metadata metadata;
  Chunking chunking;
  DocumentStatus status = DocumentStatus::kQueued;
  Version version = 0;          // newest accepted
  Version indexed_version = 0;  // newest whose chunks are committed; 0 = none
  Revision revision = 0;
  std::int64_t chunk_count = 0;  // of the indexed version
  std::int64_t content_bytes = 0;
  int attempts = 0;
  std::optional<Timestamp> next_attempt_at;  // of `retrying`
  Timestamp created_at, updated_at;
  StepTimes steps;
  std::optional<DocumentError> error;
  std::optional<std::string> warning;  // e.g. `whole` cut at the model's limit
  std::optional<Position> position;    // of its newest version's message, once delivered
};

/// What the store has of a document that was just created. REQUIRES: accepted.created_at
DocumentRecord RecordOf(const NewDocument& document, const Accepted& accepted);

}  // namespace millrace::core
