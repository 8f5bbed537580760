#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// Which documents are to be indexed again. Those under way already (`queued`, `processing`, `retrying`) and deleted
/// ones never are.
struct ReindexQuery {
  std::vector<DocumentId> ids;            // empty: any
  std::vector<DocumentStatus> statuses;   // empty: any
  std::optional<std::string> key_prefix;  // only with a key that begins so
  std::optional<DocumentId> before;       // only ids below this one: the cursor
  std::size_t limit = 100;
};

/// By how much a version made by re-indexing counts as older than the record it goes back to: of two foreign records of
/// one millisecond the later one may still be unread, while the upload of the re-indexed version lies behind it.
inline constexpr std::chrono::milliseconds kCopyIsOlder{1};

inline bool MayReindex(DocumentStatus status) {
  return status == DocumentStatus::kIndexed || status == DocumentStatus::kFailed ||
         status == DocumentStatus::kDeadLettered;
}

/// Whether a document of this status is one of those asked for.
inline bool Takes(const ReindexQuery& query, DocumentStatus status) {
  return MayReindex(status) && (query.statuses.empty() || std::find(query.statuses.begin(), query.statuses.end(),
                                                                    status) != query.statuses.end());
}

/// `('indexed','failed')`: those that Takes().
inline std::string StatusList(const ReindexQuery& query) {
  std::string list;
  for (const auto status : {DocumentStatus::kIndexed, DocumentStatus::kFailed, DocumentStatus::kDeadLettered}) {
    if (Takes(query, status)) list.append(list.empty() ? "('" : ",'").append(StatusName(status)).append("'");
  }
  return list.empty() ? "(NULL)" : list + ")";
}

struct ReindexBatch {
  std::vector<DocumentId> queued;    // highest id first
  std::optional<DocumentId> cursor;  // what `before` must be to go on; none: that was all
};

/// Makes documents pass through the pipeline again from what the store holds, while their chunks go on answering.
/// Thread-safe; durable when it returns.
class Reindexer {
 public:
  virtual ~Reindexer() = default;

  /// How many Reindex would take; `limit` doesn't count.
  virtual base::Result<std::int64_t> Count(const ReindexQuery& query) = 0;

  /// One transaction, the highest ids first, so that documents which come meanwhile are not part of it. An indexed
  /// version becomes a new version of the same content with its revision raised (it takes the content with it); one
  /// that failed is tried again as it is. Either is `queued`, nothing tried yet, with its event and its upload. For the
  /// order of foreign records it is no news: they compare with what the document was made from (DELIVERY §3).
  virtual base::Result<ReindexBatch> Reindex(const ReindexQuery& query, base::Deadline deadline) = 0;
};

}  // namespace millrace::core
