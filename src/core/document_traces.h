#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// Where a record of a document lies in the log.
struct KnownRecord {
  Position position;
  std::optional<Timestamp> timestamp;  // of the record, where it is known

  friend bool operator==(const KnownRecord&, const KnownRecord&) = default;
};

/// What the store holds of a document, in rows.
struct DocumentTraces {
  bool deleted = false;           // there is a tombstone, which holds no text
  std::int64_t documents = 0;     // the document and its versions: titles, metadata
  std::int64_t contents = 0;      // parts of contents, of all versions
  std::int64_t chunks = 0;        // of all versions, with their vectors
  std::int64_t outbox = 0;        // messages that are not sent yet, but events
  std::int64_t dead_letters = 0;  // whose document it is
  std::int64_t answers = 0;       // kept for idempotency keys, that may show it
  std::int64_t events = 0;        // that are not sent yet; they name it and hold no text
  std::vector<KnownRecord> records;
};

/// Counts what is left of a document, for receipts of deletes. Thread-safe.
class TraceFinder {
 public:
  virtual ~TraceFinder() = default;

  /// kNotFound for a document that never was.
  virtual base::Result<DocumentTraces> Find(DocumentId id) = 0;
};

}  // namespace millrace::core
