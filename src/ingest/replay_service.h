#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/document_store.h"
#include "core/log.h"
#include "core/store_admin.h"

namespace millrace::ingest {

/// What became of records that were replayed.
struct ReplayTally {
  std::int64_t read = 0;
  std::int64_t sent = 0;        // or would be
  std::int64_t up_to_date = 0;  // own ones of a version that is indexed or overtaken
  std::int64_t gone = 0;        // own ones of documents that were deleted
  std::int64_t other = 0;       // of other documents than the one asked for
  std::int64_t unreadable = 0;  // no uploads
};

/// Sends records of the log through the pipeline again. Thread-safe.
class ReplayService {
 public:
  ReplayService(core::DocumentStore& documents, core::LogProducer& producer, core::StoreIdentity store)
      : documents_(documents), producer_(producer), store_(std::move(store)) {}

  /// A copy of each goes to the end of `document-uploads`, durable when it returns, with the place and time it came
  /// from: the fence decides as if it was read there (DELIVERY §3), so replaying twice, or what is indexed, changes
  /// nothing. `only`: records of this document. A dry run sends nothing. After an error some copies may be on their
  /// way.
  base::Result<ReplayTally> Replay(std::vector<core::LogRecord> records, std::optional<core::DocumentId> only,
                                   bool dry_run, base::Deadline deadline);

 private:
  core::DocumentStore& documents_;
  core::LogProducer& producer_;
  const core::StoreIdentity store_;
};

}  // namespace millrace::ingest
