#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "core/vector_index.h"
#include "index/row_store.h"

namespace millrace::index {

struct Kernel;

/// Exact nearest chunks by cosine in memory: int8 codes of all vectors are read, and whatever their error bounds leave
/// open is scored by the float vectors. Answers are those of a float scan, at about the cost of reading one byte per
/// dimension. The dimension is that of the first vector applied. A removal also beats what it equals in (version,
/// revision), since a delete does not raise them; removed documents are remembered, so that an older entry does not
/// bring them back.
class ExactVectorIndex final : public core::VectorIndex {
 public:
  ExactVectorIndex();                               // with the fastest kernel here
  explicit ExactVectorIndex(const Kernel& kernel);  // REQUIRES: kernel.supported()

  /// kInvalidArgument, with nothing changed: vectors that are not finite, not as many as chunk ids, or of another
  /// dimension.
  base::Status Apply(std::vector<core::IndexEntry> batch) override;

  /// kInvalidArgument: a query that is not finite or of another dimension.
  base::Result<std::vector<core::ScoredChunk>> Search(const core::VectorQuery& query) const override;

  base::Result<core::IndexedVersion> Find(core::DocumentId id) const override;
  base::Result<std::vector<core::IndexedVersion>> ListVersions(core::DocumentId after,
                                                               std::size_t limit) const override;
  core::IndexSize size() const override;

  std::string_view kernel_name() const;

 private:
  struct Held {
    core::Version version = 0;
    core::Revision revision = 0;
    std::shared_ptr<Document> document;  // none: removed
  };
  using Directory = std::map<core::DocumentId, Held>;

  base::Status Validate(const std::vector<core::IndexEntry>& batch) const;
  void Stage(core::IndexEntry entry, Directory& staged);
  void Commit(Directory staged);

  const Kernel& kernel_;

  std::mutex apply_mutex_;  // one writer at a time: held before directory_mutex_, covers rows_ but its snapshot
  RowStore rows_;

  mutable std::mutex directory_mutex_;  // searches never take it
  Directory directory_;
  core::IndexSize size_;
  std::int64_t document_bytes_ = 0;
};

}  // namespace millrace::index
