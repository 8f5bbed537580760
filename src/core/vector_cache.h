#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.h"
#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// `emb:doc<id>:chunk<index>`
std::string VectorKey(DocumentId id, std::int32_t chunk_index);
/// The document of such a key; nothing of any other.
std::optional<DocumentId> ParseVectorKey(std::string_view key);

/// The vectors of one document's indexed version, in chunk order.
struct CachedDocument {
  DocumentId id = 0;
  Version version = 0;
  Revision revision = 0;
  std::int32_t chunks = 0;
  std::vector<float> vectors;  // chunks × dimensions
};

/// What the cache says it holds of a document; version 0: nothing.
struct CachedVersion {
  Version version = 0;
  Revision revision = 0;
};

/// Vectors at hand for other programs (CONTRACT §4), under `emb:doc<document_id>:chunk<chunk_index>`. Never their only
/// home: everything here can be lost and put back from the store. Thread-safe. Errors: kUnavailable,
/// kDeadlineExceeded.
class VectorCache {
 public:
  virtual ~VectorCache() = default;

  /// Each document is ignored when the cache holds a newer (version, revision) or a delete of this or a newer version;
  /// else its keys are written and surplus ones of an earlier version removed. While a document of many chunks is
  /// written, readers of its keys may meet both versions; never afterwards, and Versions() leaves it out meanwhile.
  virtual base::Status Put(std::span<const CachedDocument> documents, base::Deadline deadline) = 0;

  /// Removes the document's keys and remembers the deleted version, so that a late Put of it is ignored. How many keys
  /// went.
  virtual base::Result<std::int64_t> Remove(DocumentId id, Version deleted_version, base::Deadline deadline) = 0;

  /// How many keys it holds of the document, whatever their version.
  virtual base::Result<std::int64_t> Count(DocumentId id, base::Deadline deadline) = 0;

  /// What it holds of each, in the order asked.
  virtual base::Result<std::vector<CachedVersion>> Versions(std::span<const DocumentId> ids,
                                                            base::Deadline deadline) = 0;

  /// Raw values of keys as another program wrote them, in the order asked; absent ones empty. Finite and of
  /// `dimensions` floats, or counted as absent.
  virtual base::Result<std::vector<std::optional<std::vector<float>>>> Read(std::span<const std::string> keys,
                                                                            std::size_t dimensions,
                                                                            base::Deadline deadline) = 0;

  /// Ids of documents that have keys here, from `cursor` on (0: the start); the next cursor is 0 at the end. Ids may
  /// repeat.
  struct Page {
    std::vector<DocumentId> ids;
    std::uint64_t cursor = 0;
  };
  virtual base::Result<Page> ScanDocuments(std::uint64_t cursor, base::Deadline deadline) = 0;

  virtual base::Status Probe(std::chrono::milliseconds timeout) = 0;
};

}  // namespace millrace::core
