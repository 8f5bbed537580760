#include "core/filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <compare>
#include <utility>

#include "core/invalid.h"
#include "core/json_text.h"

namespace millrace::core {
namespace {

namespace json = boost::json;

constexpr std::string_view kMetadataPrefix = "metadata.";
constexpr std::size_t kMaxFilterJsonDepth = 2 * kMaxFilterDepth + 4;  // a level of the filter is an object in a list

bool IsKnownField(std::string_view field) {
  return field == "document_id" || field == "key" || field == "title" ||
         (field.starts_with(kMetadataPrefix) && field.size() > kMetadataPrefix.size());
}

bool IsRangeEnd(std::string_view name) { return name == "gt" || name == "gte" || name == "lt" || name == "lte"; }

class Reader {
 public:
  base::Result<Filter> Read(const json::value& value, const std::string& pointer, std::size_t depth) {
    if (!value.is_object()) return Invalid(pointer, "a filter must be a JSON object");
    if (depth > kMaxFilterDepth) {
      return Invalid(pointer, fmt::format("a filter must not be nested deeper than {} levels", kMaxFilterDepth));
    }
    RETURN_IF_ERROR(CountNode(pointer));
    const json::object& object = value.get_object();
    if (object.contains("field")) return ReadCondition(object, pointer);
    if (object.size() == 1) {
      const auto& [name, member] = *object.begin();
      const std::string below = fmt::format("{}/{}", pointer, std::string_view(name));
      if (name == "all") return ReadChildren(Filter::Kind::kAll, member, below, depth);
      if (name == "any") return ReadChildren(Filter::Kind::kAny, member, below, depth);
      if (name == "not") return ReadNot(member, below, depth);
    }
    return Invalid(pointer, "a filter must have `field` and a condition, or one of `all`, `any`, `not`");
  }

 private:
  base::Status CountNode(const std::string& pointer) {
    if (++nodes_ <= kMaxFilterNodes) return {};
    return Invalid(pointer, fmt::format("a filter must have at most {} conditions and values", kMaxFilterNodes));
  }

  base::Result<Filter> ReadChildren(Filter::Kind kind, const json::value& value, const std::string& pointer,
                                    std::size_t depth) {
    if (!value.is_array()) return Invalid(pointer, "must be a list of filters");
    Filter filter;
    filter.kind = kind;
    for (const json::value& element : value.get_array()) {
      ASSIGN_OR_RETURN(Filter child, Read(element, fmt::format("{}/{}", pointer, filter.children.size()), depth + 1));
      filter.children.push_back(std::move(child));
    }
    return filter;
  }

  base::Result<Filter> ReadNot(const json::value& value, const std::string& pointer, std::size_t depth) {
    Filter filter;
    filter.kind = Filter::Kind::kNot;
    ASSIGN_OR_RETURN(Filter child, Read(value, pointer, depth + 1));
    filter.children.push_back(std::move(child));
    return filter;
  }

  base::Result<Filter> ReadCondition(const json::object& object, const std::string& pointer) {
    const json::value& name = object.at("field");
    if (!name.is_string() || !IsKnownField(std::string_view(name.get_string()))) {
      return Invalid(pointer + "/field", "field must be `document_id`, `key`, `title` or `metadata.<name>`");
    }
    Filter filter;
    filter.field = std::string(name.get_string());
    std::size_t ranges = 0, others = 0;
    for (const auto& [member, value] : object) {
      if (member == "field") continue;
      const std::string below = fmt::format("{}/{}", pointer, std::string_view(member));
      RETURN_IF_ERROR(ReadOperator(filter, member, value, below));
      ++(IsRangeEnd(member) ? ranges : others);
    }
    if (others + std::min<std::size_t>(ranges, 1) != 1) {
      return Invalid(pointer, "a field needs one of `equals`, `in`, `exists`, or a range of `gt`, `gte`, `lt`, `lte`");
    }
    if (filter.low && filter.high && filter.low->index() != filter.high->index() &&
        (std::holds_alternative<std::string>(*filter.low) || std::holds_alternative<std::string>(*filter.high))) {
      return Invalid(pointer, "both ends of a range must be numbers, or both strings");
    }
    return filter;
  }

  base::Status ReadOperator(Filter& filter, std::string_view name, const json::value& value,
                            const std::string& pointer) {
    if (IsRangeEnd(name)) {
      filter.kind = Filter::Kind::kRange;
      return ReadBound(filter, name, value, pointer);
    }
    if (name == "equals") {
      filter.kind = Filter::Kind::kEquals;
      return ReadValue(filter, value, pointer);
    }
    if (name == "in") {
      filter.kind = Filter::Kind::kIn;
      return ReadValues(filter, value, pointer);
    }
    if (name == "exists") {
      filter.kind = Filter::Kind::kExists;
      if (!value.is_bool()) return Invalid(pointer, "exists must be true or false");
      filter.exists = value.get_bool();
      return {};
    }
    return Invalid(pointer, "unknown condition; known are `equals`, `in`, `exists`, `gt`, `gte`, `lt`, `lte`");
  }

  base::Status ReadBound(Filter& filter, std::string_view name, const json::value& value, const std::string& pointer) {
    const bool is_low = name.front() == 'g';
    std::optional<MetadataScalar>& bound = is_low ? filter.low : filter.high;
    if (bound) return Invalid(pointer, "this end of the range is given twice");
    if (!value.is_number() && !value.is_string()) return Invalid(pointer, "must be a number or a string");
    ASSIGN_OR_RETURN(bound, ReadScalar(value, pointer));
    (is_low ? filter.low_inclusive : filter.high_inclusive) = name.ends_with('e');
    return {};
  }

  base::Status ReadValues(Filter& filter, const json::value& value, const std::string& pointer) {
    if (!value.is_array()) return Invalid(pointer, "in must be a list of strings, numbers and booleans");
    for (const json::value& element : value.get_array()) {
      const std::string below = fmt::format("{}/{}", pointer, filter.values.size());
      RETURN_IF_ERROR(CountNode(below));
      RETURN_IF_ERROR(ReadValue(filter, element, below));
    }
    return {};
  }

  base::Status ReadValue(Filter& filter, const json::value& value, const std::string& pointer) {
    ASSIGN_OR_RETURN(MetadataScalar scalar, ReadScalar(value, pointer));
    filter.values.push_back(std::move(scalar));
    return {};
  }

  static base::Result<MetadataScalar> ReadScalar(const json::value& value, const std::string& pointer) {
    switch (value.kind()) {
      case json::kind::bool_: return MetadataScalar(value.get_bool());
      case json::kind::int64: return MetadataScalar(value.get_int64());
      case json::kind::uint64: return MetadataScalar(static_cast<double>(value.get_uint64()));
      case json::kind::double_: return MetadataScalar(value.get_double());
      case json::kind::string: return MetadataScalar(std::string(value.get_string()));
      default: return Invalid(pointer, "must be a string, a number or a boolean");
    }
  }

  std::size_t nodes_ = 0;
};

/// Exact: no rounding of either side, also beyond 2^53.
std::partial_ordering CompareNumbers(std::int64_t left, double right) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right >= kTwoTo63) return std::partial_ordering::less;
  if (right < -kTwoTo63) return std::partial_ordering::greater;
  const double whole = std::trunc(right);
  const auto by_whole = left <=> static_cast<std::int64_t>(whole);
  return by_whole != 0 ? std::partial_ordering(by_whole) : 0.0 <=> (right - whole);
}

std::partial_ordering Reverse(std::partial_ordering order) { return 0 <=> order; }

std::partial_ordering Compare(const MetadataScalar& left, const MetadataScalar& right) {
  const auto* left_integer = std::get_if<std::int64_t>(&left);
  const auto* right_integer = std::get_if<std::int64_t>(&right);
  const auto* left_double = std::get_if<double>(&left);
  const auto* right_double = std::get_if<double>(&right);
  if (left_integer && right_double) return CompareNumbers(*left_integer, *right_double);
  if (left_double && right_integer) return Reverse(CompareNumbers(*right_integer, *left_double));
  if (left.index() != right.index()) return std::partial_ordering::unordered;
  return left <=> right;  // UTF-8 sorts by code point
}

bool MatchesScalar(const Filter& filter, const MetadataScalar& value) {
  if (filter.kind != Filter::Kind::kRange) {
    return std::ranges::any_of(filter.values,
                               [&](const MetadataScalar& wanted) { return Compare(value, wanted) == 0; });
  }
  const auto above = filter.low ? Compare(value, *filter.low) : std::partial_ordering::greater;
  const auto below = filter.high ? Compare(value, *filter.high) : std::partial_ordering::less;
  return (above > 0 || (filter.low_inclusive && above == 0)) && (below < 0 || (filter.high_inclusive && below == 0));
}

bool MatchesValue(const Filter& filter, const MetadataValue& value) {
  if (const auto* scalar = std::get_if<MetadataScalar>(&value)) return MatchesScalar(filter, *scalar);
  return std::ranges::any_of(std::get<std::vector<MetadataScalar>>(value),
                             [&](const MetadataScalar& element) { return MatchesScalar(filter, element); });
}

}  // namespace

base::Result<Filter> ParseFilter(std::string_view text) {
  const auto root = ParseJson(text, kMaxFilterJsonDepth);
  if (!root && root.error().code == base::Code::kTooLarge) {
    return Invalid("/filter", fmt::format("a filter must not be nested deeper than {} levels", kMaxFilterDepth));
  }
  if (!root) return Invalid("/filter", fmt::format("a filter must be a JSON object: {}", root.error().message));
  return Reader().Read(*root, "/filter", 1);
}

bool Matches(const Filter& filter, DocumentId id, std::string_view title, const std::optional<std::string>& key,
             const Metadata& metadata) {
  const auto matches = [&](const Filter& child) { return Matches(child, id, title, key, metadata); };
  switch (filter.kind) {
    case Filter::Kind::kAll: return std::ranges::all_of(filter.children, matches);
    case Filter::Kind::kAny: return std::ranges::any_of(filter.children, matches);
    case Filter::Kind::kNot: return !matches(filter.children.front());
    default: break;
  }
  const auto judge = [&](const auto* value) {
    if (filter.kind == Filter::Kind::kExists) return (value != nullptr) == filter.exists;
    return value != nullptr && MatchesValue(filter, MetadataValue(MetadataScalar(*value)));
  };
  if (filter.field == "document_id") return judge(&id);
  if (filter.field == "key") return judge(key ? &*key : nullptr);
  if (filter.field == "title") {
    const std::string owned(title);
    return judge(&owned);
  }
  const auto found = metadata.find(std::string_view(filter.field).substr(kMetadataPrefix.size()));
  if (filter.kind == Filter::Kind::kExists) return (found != metadata.end()) == filter.exists;
  return found != metadata.end() && MatchesValue(filter, found->second);
}

}  // namespace millrace::core
