#include "core/metadata.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <cmath>
#include <optional>
#include <utility>

#include "core/invalid.h"
#include "core/json_text.h"

namespace millrace::core {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxMetadataDepth = 8;  // deeper text is refused unread; what is allowed needs 2

/// Escapes a member's name for a JSON pointer (RFC 6901).
std::string PointerTo(std::string_view name) {
  std::string pointer = "/metadata/";
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

base::Result<MetadataScalar> ReadNumber(double number, const std::string& pointer) {
  if (!std::isfinite(number)) return Invalid(pointer, "this number is beyond the range of a 64-bit float");
  return MetadataScalar(number);
}

base::Result<MetadataScalar> ReadScalar(const json::value& value, const std::string& pointer) {
  switch (value.kind()) {
    case json::kind::bool_: return MetadataScalar(value.get_bool());
    case json::kind::int64: return MetadataScalar(value.get_int64());
    case json::kind::uint64: return MetadataScalar(static_cast<double>(value.get_uint64()));
    case json::kind::double_: return ReadNumber(value.get_double(), pointer);
    case json::kind::string: {
      const json::string& text = value.get_string();
      if (text.find('\0') != json::string::npos) return Invalid(pointer, "must not contain the character U+0000");
      return MetadataScalar(std::string(text));
    }
    default: return Invalid(pointer, "must be a string, a number or a boolean, or a list of those");
  }
}

base::Result<MetadataValue> ReadValue(const json::value& value, const std::string& pointer) {
  if (!value.is_array()) {
    ASSIGN_OR_RETURN(MetadataScalar scalar, ReadScalar(value, pointer));
    return MetadataValue(std::move(scalar));
  }
  std::vector<MetadataScalar> list;
  list.reserve(value.get_array().size());
  for (const json::value& element : value.get_array()) {
    ASSIGN_OR_RETURN(MetadataScalar scalar, ReadScalar(element, fmt::format("{}/{}", pointer, list.size())));
    list.push_back(std::move(scalar));
  }
  return MetadataValue(std::move(list));
}

void AppendString(std::string& out, std::string_view text) { out += json::serialize(json::string_view(text)); }

/// The shortest text that reads back as the same double, and as a double.
void AppendDouble(std::string& out, double number) {
  const std::string text = fmt::format("{}", number);
  out += text;
  if (text.find_first_of(".e") == std::string::npos) out += ".0";
}

void AppendScalar(std::string& out, const MetadataScalar& scalar) {
  if (const auto* flag = std::get_if<bool>(&scalar)) {
    out += *flag ? "true" : "false";
  } else if (const auto* integer = std::get_if<std::int64_t>(&scalar)) {
    out += fmt::format("{}", *integer);
  } else if (const auto* number = std::get_if<double>(&scalar)) {
    AppendDouble(out, *number);
  } else {
    AppendString(out, std::get<std::string>(scalar));
  }
}

void AppendValue(std::string& out, const MetadataValue& value) {
  if (const auto* scalar = std::get_if<MetadataScalar>(&value)) {
    AppendScalar(out, *scalar);
    return;
  }
  out += '[';
  bool first = true;
  for (const MetadataScalar& element : std::get<std::vector<MetadataScalar>>(value)) {
    if (!std::exchange(first, false)) out += ',';
    AppendScalar(out, element);
  }
  out += ']';
}

}  // namespace

base::Result<Metadata> ParseMetadata(std::string_view text) {
  if (text.size() > kMaxMetadataBytes) {
    return Invalid("/metadata", fmt::format("metadata must have at most {} bytes as JSON, it has {}", kMaxMetadataBytes,
                                            text.size()));
  }
  const auto parsed = ParseJson(text, kMaxMetadataDepth);
  if (!parsed) {
    return Invalid("/metadata", fmt::format("metadata must be a flat JSON object: {}", parsed.error().message));
  }
  const json::value& root = *parsed;
  if (!root.is_object()) return Invalid("/metadata", "metadata must be a JSON object");
  Metadata metadata;
  for (const auto& [name, value] : root.get_object()) {
    if (value.is_null()) continue;
    const std::string pointer = PointerTo(name);
    if (name.find('\0') != json::string_view::npos) {
      return Invalid("/metadata", "a name must not contain the character U+0000");
    }
    ASSIGN_OR_RETURN(MetadataValue read, ReadValue(value, pointer));
    metadata.emplace(std::string(name), std::move(read));
  }
  return metadata;
}

std::string FormatMetadata(const Metadata& metadata) {
  std::string out = "{";
  bool first = true;
  for (const auto& [name, value] : metadata) {
    if (!std::exchange(first, false)) out += ',';
    AppendString(out, name);
    out += ':';
    AppendValue(out, value);
  }
  out += '}';
  return out;
}

}  // namespace millrace::core
