#include "index/shortlist.h"

#include <algorithm>
#include <functional>
#include <string>
#include <type_traits>
#include <variant>

namespace millrace::index {
namespace {

/// The values as one type, sorted; none when one of them is of another type, whose comparison is left to core::Matches.
template <typename T, typename Convert>
auto SortedValues(const std::vector<core::MetadataScalar>& values, Convert convert) {
  std::optional<std::vector<std::decay_t<decltype(convert(T{}))>>> sorted(std::in_place);
  for (const core::MetadataScalar& value : values) {
    const T* typed = std::get_if<T>(&value);
    if (typed == nullptr) return decltype(sorted)();
    sorted->push_back(convert(*typed));
  }
  std::sort(sorted->begin(), sorted->end());
  return sorted;
}

}  // namespace

Shortlist::Shortlist(const core::Filter* filter) {
  if (filter != nullptr) Read(*filter);
}

void Shortlist::Read(const core::Filter& filter) {
  using Kind = core::Filter::Kind;
  if (filter.kind == Kind::kAll) {
    for (const core::Filter& child : filter.children) Read(child);
  }
  if (filter.kind != Kind::kEquals && filter.kind != Kind::kIn) return;
  if (filter.field == "document_id" && !ids_) {
    ids_ = SortedValues<std::int64_t>(filter.values, std::identity());
  }
  if (filter.field == "key" && !key_hashes_) {
    key_hashes_ = SortedValues<std::string>(filter.values, std::hash<std::string_view>());
  }
}

bool Shortlist::Admits(const Extent& extent) const {
  return (!ids_ || std::binary_search(ids_->begin(), ids_->end(), extent.document_id)) &&
         (!key_hashes_ || std::binary_search(key_hashes_->begin(), key_hashes_->end(), extent.key_hash));
}

}  // namespace millrace::index
