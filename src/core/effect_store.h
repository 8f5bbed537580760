#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/chunk.h"
#include "core/dead_letters.h"
#include "core/document.h"
#include "core/log.h"

namespace millrace::core {

/// One message of `document-uploads`, decoded.
struct Work {
  DocumentId id = 0;
  Version version = 0;               // 0: a foreign record (DELIVERY §3), whose version is given when it is applied
  Position position;                 // empty topic: run by the accepting process itself (sync)
  Timestamp timestamp;               // of the record
  std::optional<std::string> title;  // foreign records only; none: a document that is here keeps its own
  std::string content;               // foreign records only
  Chunking chunking;                 // foreign records only: of a document that is not here yet
  std::int64_t dead_letter = 0;      // of a redriven record: its dead letter, which goes once the document is indexed
  bool alone = false;                // nothing else runs in this process until it is done (DELIVERY §4)
};

/// What the fence said of one Work.
struct WorkOrder {
  enum class Verdict {
    kProcess,
    kAlreadyIndexed,
    kSuperseded,
    kDeleted,
    kRefused,
    kRunAlone,     // another process began it and did not end well: ask again with Work::alone. Nothing was written
    kWaitForDead,  // another process runs it alone and may still live: ask again later. Nothing was written
    kQuarantined,  // two processes died of it alone: to be failed, not run. Its version is `version`
  };
  Verdict verdict = Verdict::kProcess;
  std::string reason;   // of kRefused: a foreign id too far above the highest one
  Version version = 0;  // the one to process
  std::string title;
  Chunking chunking;
  std::int64_t content_bytes = 0;
  std::int32_t staged_chunks = 0;  // already staged by a run that died: go on from this chunk index
  int attempts = 0;                // this one included

  /// An order not to run `version`.
  static WorkOrder Skip(Verdict verdict, Version version) {
    WorkOrder order;
    order.verdict = verdict;
    order.version = version;
    return order;
  }

  /// Nothing is left to do with the record, whoever asks.
  bool settled() const {
    return verdict == Verdict::kAlreadyIndexed || verdict == Verdict::kSuperseded || verdict == Verdict::kDeleted;
  }
};

/// The result of a document version, whole or (staged) a part of it.
struct Effects {
  static constexpr std::size_t kMaxRows = 256;  // chunks in one transaction for one document

  DocumentId id = 0;
  Version version = 0;
  std::vector<ChunkDraft> chunks;  // consecutive indexes; the first continues what is staged
  std::vector<float> vectors;      // chunks.size() × dimensions, unit length
  Timestamp chunked_at, embedded_at;
  std::optional<std::string> warning;
};

/// A copy of the record for a retry topic: as it was read, with the headers of ingest/failure_headers.h.
struct Retry {
  LogRecord copy;  // its topic in `position.topic`
  Timestamp not_before;
};

/// A version that could not be worked off. With neither copy (a synchronous run, which has no record) it ends `failed`.
struct Failure {
  DocumentId id = 0;
  Version version = 0;
  DocumentError error;
  std::optional<Retry> retry;                  // ends `retrying`
  std::optional<DeadLetterDraft> dead_letter;  // ends `dead_lettered`; of this document and version
};

inline DocumentStatus StatusAfter(const Failure& failure) {
  if (failure.retry) return DocumentStatus::kRetrying;
  return failure.dead_letter ? DocumentStatus::kDeadLettered : DocumentStatus::kFailed;
}

enum class Applied { kYes, kFenced };  // kFenced: a newer version or a delete came first; nothing was written

/// The pipeline's side of the store. Every method is one transaction that locks the state rows in document order,
/// applies only what the fence allows, and is durable when it returns. Thread-safe. A failed call changed nothing.
class EffectStore {
 public:
  virtual ~EffectStore() = default;

  /// Fences the batch, gives foreign records their version (adding document, state and content rows), marks documents
  /// `processing` by `worker` (an Instance::id; with its event), counts the attempt. Answers in the order asked.
  ///
  /// The mark is the poison guard (DELIVERY §4). A document that carries the mark of another process was not ended well
  /// by it: kRunAlone unless Work::alone. A mark made alone by a process that no longer lives (Instances::List; of a
  /// store that only one process can have open, any other) counts a crash; two: kQuarantined. One that still lives:
  /// kWaitForDead. Publish, Fail, Abandon and a new version remove the mark, and all but Abandon forget the crashes;
  /// one that crashed a process alone is never again begun beside others.
  ///
  /// A redriven record's dead letter notes the version that it became. It goes when there is nothing left to do:
  /// kAlreadyIndexed, kSuperseded, kDeleted.
  virtual base::Result<std::vector<WorkOrder>> Begin(std::span<const Work> batch, const std::string& worker,
                                                     base::Deadline deadline) = 0;

  /// Removes `worker`'s marks: it ends in good order and did not finish these documents.
  virtual base::Status Abandon(std::span<const DocumentId> ids, const std::string& worker, base::Deadline deadline) = 0;

  /// Stores at most kMaxRows chunks of a long document, invisible until its Publish. Staging an index again is
  /// harmless.
  virtual base::Result<Applied> Stage(const Effects& part, base::Deadline deadline) = 0;

  /// Makes each document's version the indexed one: its chunks (and those staged), status, times and event; older
  /// unsent uploads and retry copies and its own go, and dead letters of the document up to that version. The version
  /// before stays readable for 60 s. Answers in the order asked.
  virtual base::Result<std::vector<Applied>> Publish(std::span<const Effects> batch, base::Deadline deadline) = 0;

  /// The status with its reason and event, where that version is neither indexed nor overtaken; staged chunks go unless
  /// it is tried again. The copy goes through the outbox, to be delivered as it stands; a dead letter is listed. One
  /// that is listed and not under way again is brought up to date and no copy is sent: the record was read twice.
  virtual base::Result<std::vector<Applied>> Fail(std::span<const Failure> batch, base::Deadline deadline) = 0;

  /// Dead letters of records that became no version of a document: no status changes. One that is listed (by its id, or
  /// its original position and time) and not under way again is left as it is, and nothing is sent.
  virtual base::Status DeadLetter(std::span<const DeadLetterDraft> records, base::Deadline deadline) = 0;
};

}  // namespace millrace::core
