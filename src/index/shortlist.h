#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/filter.h"
#include "index/block.h"

namespace millrace::index {

/// The documents that alone can match a filter, as far as its conditions on `document_id` and `key` tell: these need
/// neither metadata nor a scan of other rows. Admits more than match, never less.
class Shortlist {
 public:
  explicit Shortlist(const core::Filter* filter);  // none admits all

  bool admits_all() const { return !ids_ && !key_hashes_; }
  bool Admits(const Extent& extent) const;

 private:
  void Read(const core::Filter& filter);

  std::optional<std::vector<core::DocumentId>> ids_;    // sorted
  std::optional<std::vector<std::size_t>> key_hashes_;  // sorted
};

}  // namespace millrace::index
