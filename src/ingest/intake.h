#pragma once

#include <span>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"

namespace millrace::ingest {

struct SyncOutcome {
  core::DocumentId id = 0;
  core::Version version = 0;
  std::int64_t chunks = 0;
};

/// What clients ask of documents; the HTTP routes' way in. Thread-safe. Documents must have passed core::Validate.
/// Errors beside those of the store: kOverloaded when the outbox is beyond its bound.
class Intake {
 public:
  virtual ~Intake() = default;

  /// Durable when it returns; processing follows. Answers in the order asked.
  virtual base::Result<std::vector<core::Accepted>> Accept(std::span<const core::NewDocument> documents,
                                                           base::Deadline deadline) = 0;

  /// Accepts, runs the pipeline in the calling thread and waits until this server's index answers with it. After the
  /// acceptance every error names the document id: it will still be indexed.
  virtual base::Result<SyncOutcome> AcceptAndIndex(core::NewDocument document, base::Deadline deadline) = 0;

  /// Gone from this server's search when it returns.
  virtual base::Status Delete(core::DocumentId id, base::Deadline deadline) = 0;

  /// Waits until `version` (or a newer one) is searchable here, or has failed, or the document is deleted; then, or
  /// when the deadline passes, returns the record as it is.
  virtual base::Result<core::DocumentRecord> WaitFor(core::DocumentId id, core::Version version,
                                                     base::Deadline deadline) = 0;
};

}  // namespace millrace::ingest
