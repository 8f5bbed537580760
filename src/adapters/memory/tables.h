#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/chunk.h"
#include "core/dead_letters.h"
#include "core/document.h"
#include "core/idempotency.h"
#include "core/outbox.h"
#include "core/poison_guard.h"

namespace millrace::memory {

inline constexpr std::chrono::seconds kOvertakenChunksStay{60};

/// What one version of a document says.
struct Body {
  std::string title;
  std::string content;
  std::string hash;
  core::Metadata metadata;
  core::Chunking chunking;
  std::optional<core::Timestamp> overtaken_at;  // when a newer version was indexed
};

struct ChunkRow {
  core::ChunkId id = 0;
  core::ChunkDraft chunk;
  std::vector<float> vector;
};

/// The chunks of one version: staged while it is above the indexed one, readable for a while when it is below.
struct VersionChunks {
  std::map<std::int32_t, ChunkRow> rows;
  std::optional<core::Timestamp> overtaken_at;
};

/// The newest message of a document that is known to lie in the log.
struct Origin {
  core::Position position;
  core::Timestamp timestamp;
  core::Version version = 0;  // which it carried or was given
};

/// A document and its tombstone (DELIVERY §1).
struct DocumentRow {
  core::DocumentId id = 0;
  std::optional<std::string> key;
  core::Version version = 0, indexed_version = 0, deleted_version = 0;
  core::Revision revision = 0;
  core::DocumentStatus status = core::DocumentStatus::kQueued;
  int attempts = 0;
  std::optional<core::Timestamp> next_attempt_at;
  core::RunMark mark;
  core::Timestamp created_at, updated_at, deleted_at;
  core::StepTimes steps;
  std::optional<core::DocumentError> error;
  std::optional<std::string> warning;
  std::optional<Origin> origin;
  core::Version reindexed_version = 0;  // the newest one that was made by re-indexing
  std::map<core::Version, Body> bodies;
  std::map<core::Version, VersionChunks> chunks;

  bool deleted() const { return status == core::DocumentStatus::kDeleted; }
  // REQUIRES: !deleted()
  const Body& newest_body() const { return bodies.at(version); }
  /// Nothing when no version is indexed.
  const VersionChunks* indexed_chunks() const;

  /// Nothing of its version is tried yet.
  void Requeue(core::Timestamp now) {
    status = core::DocumentStatus::kQueued;
    attempts = 0;
    next_attempt_at.reset();
    mark = {};
    updated_at = now;
    error.reset();
  }
};

struct OutboxEntry {
  std::string topic;
  core::DocumentId document_id = 0;
  core::Version version = 0;
  std::optional<core::LogRecord> record;
  core::DeadLetterId dead_letter = 0;  // whose copy the record is
  core::Timestamp created_at;
  std::chrono::steady_clock::time_point held_until;  // before: under a lease, or not due yet
};

struct DeadLetterRow {
  core::DeadLetter letter;
  core::LogRecord copy;
};

struct KeyedRequest {
  core::RequestRow row;
  std::map<std::int64_t, core::Accepted> accepted;  // by line
};

struct ChunkPlace {
  core::DocumentId document_id = 0;
  core::Version version = 0;
  std::int32_t index = 0;
};

/// All state of a MemoryStore. Who touches it holds `mutex`; no call waits while holding it.
struct Tables {
  std::mutex mutex;
  std::map<core::DocumentId, DocumentRow> documents;
  std::map<std::string, core::DocumentId, std::less<>> keys;
  std::unordered_map<core::ChunkId, ChunkPlace> chunk_places;
  std::map<std::int64_t, OutboxEntry> outbox;
  std::map<std::pair<core::DocumentId, std::string>, std::map<std::int64_t, core::Version>>
      outbox_of;  // row ids, oldest first
  std::map<core::DeadLetterId, DeadLetterRow> dead_letters;
  std::map<std::string, KeyedRequest> requests;
  core::DocumentId last_document_id = 0;
  std::int64_t epoch = 1;
  core::ChunkId last_chunk_id = 0;
  std::int64_t last_outbox_id = 0;
  core::DeadLetterId last_dead_letter_id = 0;
  std::optional<std::size_t> dimensions;  // of the vectors held
  std::string model, store_id;

  DocumentRow* Find(core::DocumentId id);
  /// Adds a version as the newest one, `queued`, its steps begun; with its event, and that of the version before when
  /// it was not indexed.
  void AddVersion(DocumentRow& document, Body body, core::Timestamp now);

  void AddUpload(core::DocumentId id, core::Version version, core::Timestamp now, std::chrono::seconds delay = {});
  void AddEvent(const DocumentRow& document, core::Version version, core::DocumentStatus status, core::Timestamp now,
                const core::StepTimes& steps = {});
  void AddRecord(const core::LogRecord& record, core::DocumentId id, core::Version version, core::Timestamp now,
                 core::DeadLetterId dead_letter);
  void EraseOutboxRow(std::int64_t row);
  /// The document's unsent uploads and copies for another try, of versions up to `version`.
  void EraseUploads(core::DocumentId id, core::Version version);
  /// All that is unsent of the document but its events.
  void EraseOwed(core::DocumentId id);
  bool HasUpload(core::DocumentId id) const;
  /// Anything but events.
  bool OwesRecord(core::DocumentId id) const;

  void ListDeadLetter(const core::DeadLetterDraft& draft, core::WhenListed when_listed, core::Timestamp now);
  /// Those of the document's versions `from` … `up_to`.
  void EraseDeadLetters(core::DocumentId id, core::Version from, core::Version up_to);

  /// Answers that may show the document; the requests stay, and may run again.
  void ForgetAnswers(core::DocumentId id);

  /// Keeps `origin` unless one of a newer version is known. That of a re-indexed version keeps the time it had.
  void RecordOrigin(DocumentRow& document, Origin origin);

  /// Removes the chunks of `version`, staged ones too. How many went.
  std::int64_t EraseChunks(DocumentRow& document, core::Version version);
};

}  // namespace millrace::memory
