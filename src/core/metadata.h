#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace millrace::core {

using MetadataScalar = std::variant<bool, std::int64_t, double, std::string>;
using MetadataValue = std::variant<MetadataScalar, std::vector<MetadataScalar>>;

/// A document's own fields: names to strings, numbers, booleans, or lists of those. A JSON null means absent.
using Metadata = std::map<std::string, MetadataValue, std::less<>>;

inline constexpr std::size_t kMaxMetadataBytes = 64 * 1024;  // of its JSON text

/// Reads a JSON object; the error's `field` points below `/metadata`.
base::Result<Metadata> ParseMetadata(std::string_view json);

/// The JSON object, keys sorted, so that equal metadata gives equal text.
std::string FormatMetadata(const Metadata& metadata);

}  // namespace millrace::core
