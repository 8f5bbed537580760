#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/index_feed.h"
#include "core/metadata.h"

namespace millrace::core {

/// A condition on documents, as data, so that it can travel to an engine on another machine.
/// As JSON: `{"field":"metadata.lang","equals":"en"}`, `{"field":…,"in":[…]}`, `{"field":…,"gte":1,"lt":5}`,
/// `{"field":…,"exists":true}`, and `{"all":[…]}`, `{"any":[…]}`, `{"not":{…}}`.
/// Fields: `document_id`, `key`, `title`, `metadata.<name>`. A list in the metadata matches when one of its elements
/// does. Numbers compare as numbers, strings by code point; a value of another type does not match.
struct Filter {
  enum class Kind { kAll, kAny, kNot, kEquals, kIn, kRange, kExists };
  Kind kind = Kind::kAll;
  std::vector<Filter> children;             // kAll, kAny, kNot (one)
  std::string field;                        // the other kinds
  std::vector<MetadataScalar> values;       // kEquals (one), kIn
  std::optional<MetadataScalar> low, high;  // kRange
  bool low_inclusive = true, high_inclusive = true;
  bool exists = true;  // kExists
};

inline constexpr std::size_t kMaxFilterDepth = 16;
inline constexpr std::size_t kMaxFilterNodes = 1024;  // conditions and list values together

/// The error's `field` points below `/filter`.
base::Result<Filter> ParseFilter(std::string_view json);

bool Matches(const Filter& filter, DocumentId id, std::string_view title, const std::optional<std::string>& key,
             const Metadata& metadata);

}  // namespace millrace::core
