#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/chunk.h"
#include "core/document.h"

namespace millrace::core {

struct DocumentQuery {
  std::optional<DocumentStatus> status;
  std::optional<std::string> key;
  std::optional<std::string> text;   // only with this in title or key, whatever the case of ASCII letters
  std::optional<DocumentId> before;  // only ids below this one: the cursor
  std::size_t limit = 100;
};

struct StoreCounts {
  std::array<std::int64_t, 8>
      documents_by_status{};  // indexed by DocumentStatus; deleted ones leave a tombstone and count
  std::int64_t chunks = 0;    // of indexed versions
};

/// A version whose text is still there: the newest, the indexed one, and those overtaken lately.
struct KeptVersion {
  Version version = 0;
  std::string title;
  Metadata metadata;
  Chunking chunking;
  std::int64_t content_bytes = 0;
  bool indexed = false;                   // answers come from it
  std::optional<Timestamp> overtaken_at;  // when a newer one was indexed; kOvertakenKept later it goes
};

inline constexpr std::chrono::hours kOvertakenKept{24};

/// The system of record as clients see it: accept, read, delete. Thread-safe; every write is durable when it returns.
/// Errors: kUnavailable (disk full, database away), kDeadlineExceeded, kCorrupt.
class DocumentStore {
 public:
  virtual ~DocumentStore() = default;

  /// One transaction: state, content, outbox (the upload and a `queued` event). Answers in the order asked.
  /// A `key` that exists makes a new version; equal title, content, metadata and chunking under it is kUnchanged
  /// (unless that version failed). A deleted key gets a new id. The same key twice in one call: the later one is the
  /// newer version. One with a `part` that was accepted before answers as it did then, and nothing is written;
  /// kConflict when its request was not begun (IdempotencyKeys).
  virtual base::Result<std::vector<Accepted>> Accept(std::span<const NewDocument> documents,
                                                     base::Deadline deadline) = 0;

  /// Leaves a tombstone; removes chunks, content, unsent outbox rows and the key; adds a `deleted` event. kNotFound
  /// when the document never was or is already deleted.
  virtual base::Status Delete(DocumentId id, base::Deadline deadline) = 0;

  /// kNotFound also for deleted ones.
  virtual base::Result<DocumentRecord> Get(DocumentId id) = 0;

  /// Newest first (highest id), without deleted ones unless the status asks for them.
  virtual base::Result<std::vector<DocumentRecord>> List(const DocumentQuery& query) = 0;

  /// Newest first, those below `before`. Of a document that is not there: none.
  virtual base::Result<std::vector<KeptVersion>> ListVersions(DocumentId id, Version before, std::size_t limit) = 0;

  virtual base::Result<StoreCounts> Counts() = 0;
};

/// Contents by (document, version), in parts of at most kContentPartBytes that end between code points.
class ContentStore {
 public:
  static constexpr std::size_t kContentPartBytes = 1 << 20;

  virtual ~ContentStore() = default;

  /// Part 0, 1, 2 …; kNotFound past the last part or when the body has gone. Verified against its hash (kCorrupt).
  virtual base::Result<std::string> ReadPart(DocumentId id, Version version, std::int32_t part) = 0;
};

/// Chunks as answers show them.
class ChunkStore {
 public:
  virtual ~ChunkStore() = default;

  /// Those of `ids` that still exist, in the order asked; the rest are left out.
  virtual base::Result<std::vector<StoredChunk>> Hydrate(std::span<const ChunkId> ids) = 0;

  /// Of the indexed version, from chunk index `first` on, ascending.
  virtual base::Result<std::vector<StoredChunk>> ListChunks(DocumentId id, std::int32_t first, std::size_t limit) = 0;
};

}  // namespace millrace::core
