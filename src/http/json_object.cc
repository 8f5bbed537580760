#include "http/json_object.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <cmath>
#include <set>
#include <utility>
#include <vector>

#include "base/utf8.h"

namespace millrace::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 32;

/// Whether an escape of one half of a surrogate pair (`\ud83d`) ends before `end`: the parser calls that a syntax
/// error.
bool EndsInLoneSurrogate(std::string_view text, std::size_t end) {
  for (std::size_t back = 6; back <= 7 && back <= end; ++back) {
    const std::string_view escape = text.substr(end - back, 4);
    const bool is_d = escape.starts_with("\\ud") || escape.starts_with("\\uD");
    if (is_d && std::string_view("89abcdefABCDEF").find(escape[3]) != std::string_view::npos) return true;
  }
  return false;
}

std::string Explain(std::string_view text, std::size_t at, const boost::system::error_code& failure) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return "the body is empty; it must be a JSON object";
  if (failure == json::error::too_deep) {
    return fmt::format("the body is not accepted: JSON may be nested at most {} levels deep", kMaxDepth);
  }
  if (failure == json::error::illegal_leading_surrogate || failure == json::error::illegal_trailing_surrogate ||
      failure == json::error::expected_utf16_escape || EndsInLoneSurrogate(text, at)) {
    return fmt::format("the body is not JSON: near byte {} half of a surrogate pair stands alone in a \\u escape", at);
  }
  if (failure == json::error::incomplete) return "the body is not JSON: it ends too early";
  return fmt::format("the body is not JSON: near byte {}: {}", at, failure.message());
}

std::string_view TypeName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return "a number";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
  }
  return "unknown";
}

/// A member's name as a JSON pointer has it.
std::string EscapePointer(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '~') {
      escaped += "~0";
    } else if (c == '/') {
      escaped += "~1";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

/// Names that are shown back are kept short.
std::string Shorten(std::string_view name) {
  constexpr std::size_t kMaxShown = 100;
  if (name.size() <= kMaxShown) return std::string(name);
  return std::string(name.substr(0, base::FloorToCodePoint(name, kMaxShown))) + "…";
}

}  // namespace

struct JsonObject::State {
  std::shared_ptr<const json::value> root;
  const json::object* object = nullptr;
  std::string pointer;  // of `object`
  std::shared_ptr<std::vector<FieldError>> errors;
  std::set<std::string, std::less<>> asked;

  /// The member, when it is there and not a permitted null.
  const json::value* Take(std::string_view name, Need need, std::string_view type) {
    asked.emplace(name);
    const json::value* value = object->if_contains(name);
    if (value == nullptr) {
      if (need == Need::kRequired) Add(name, fmt::format("is missing; it must be {}", type));
      return nullptr;
    }
    return value->is_null() && need == Need::kNullable ? nullptr : value;
  }

  void Add(std::string_view name, std::string detail) {
    errors->push_back({pointer + "/" + EscapePointer(Shorten(name)), std::move(detail)});
  }
  void AddType(std::string_view name, std::string_view type, const json::value& value) {
    Add(name, fmt::format("must be {}, not {}", type, TypeName(value)));
  }
};

JsonObject::JsonObject(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonObject::JsonObject(JsonObject&&) noexcept = default;
JsonObject::~JsonObject() = default;

std::variant<JsonObject, Problem> JsonObject::Parse(std::string_view text) {
  if (!base::IsValidUtf8(text)) return Problem{400, "the body is not valid UTF-8", {}};
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::stream_parser parser({}, options);
  boost::system::error_code failure;
  const std::size_t read = parser.write_some(text.data(), text.size(), failure);
  if (!failure && !parser.done()) parser.finish(failure);  // it would also object to what follows
  if (failure) return Problem{400, Explain(text, read, failure), {}};
  if (text.find_first_not_of(" \t\r\n", read) != std::string_view::npos) {
    return Problem{400, fmt::format("the body is not JSON: something follows its end at byte {}", read), {}};
  }
  auto state = std::make_unique<State>();
  state->root = std::make_shared<const json::value>(parser.release());
  if (!state->root->is_object()) {
    return Problem{422, fmt::format("the body must be a JSON object, not {}", TypeName(*state->root)), {}};
  }
  state->object = &state->root->get_object();
  state->errors = std::make_shared<std::vector<FieldError>>();
  return JsonObject(std::move(state));
}

std::optional<std::string> JsonObject::String(std::string_view name, Need need) {
  const json::value* value = state_->Take(name, need, "a string");
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    state_->AddType(name, "a string", *value);
    return std::nullopt;
  }
  const std::string_view text = value->get_string();
  if (text.find('\0') != std::string_view::npos) {
    state_->Add(name, "must not contain the character U+0000");
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::int64_t> JsonObject::Integer(std::string_view name, std::int64_t low, std::int64_t high, Need need) {
  const std::string type = fmt::format("an integer from {} to {}", low, high);
  const json::value* value = state_->Take(name, need, type);
  if (value == nullptr) return std::nullopt;
  std::optional<double> number;  // exact for all that can be in range
  if (value->is_int64()) number = static_cast<double>(value->get_int64());
  if (value->is_uint64()) number = static_cast<double>(value->get_uint64());
  if (value->is_double()) number = value->get_double();
  if (!number) {
    state_->AddType(name, type, *value);
    return std::nullopt;
  }
  if (std::trunc(*number) != *number || *number < static_cast<double>(low) || *number > static_cast<double>(high)) {
    state_->Add(name, fmt::format("must be {}", type));
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

std::optional<std::vector<std::int64_t>> JsonObject::Integers(std::string_view name, std::int64_t low,
                                                              std::int64_t high, std::size_t most) {
  const std::string type = fmt::format("an array of at most {} integers from {} to {}", most, low, high);
  const json::value* value = state_->Take(name, Need::kNullable, type);
  if (value == nullptr) return std::nullopt;
  std::vector<std::int64_t> numbers;
  const auto* array = value->if_array();
  bool good = array != nullptr && array->size() <= most;
  for (std::size_t i = 0; good && i < array->size(); ++i) {
    const std::int64_t* number = (*array)[i].if_int64();
    good = number != nullptr && *number >= low && *number <= high;
    if (good) numbers.push_back(*number);
  }
  if (!good) {
    state_->Add(name, fmt::format("must be {}", type));
    return std::nullopt;
  }
  return numbers;
}

std::optional<double> JsonObject::Number(std::string_view name, double low, double high, Need need) {
  const std::string type = fmt::format("a number from {} to {}", low, high);
  const json::value* value = state_->Take(name, need, type);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    state_->AddType(name, type, *value);
    return std::nullopt;
  }
  const double number = value->to_number<double>();
  if (!(number >= low && number <= high)) {
    state_->Add(name, fmt::format("must be {}", type));
    return std::nullopt;
  }
  return number;
}

std::optional<std::string> JsonObject::ObjectText(std::string_view name, Need need) {
  const json::value* value = state_->Take(name, need, "an object");
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    state_->AddType(name, "an object", *value);
    return std::nullopt;
  }
  return json::serialize(*value);
}

std::optional<JsonObject> JsonObject::Object(std::string_view name, Need need) {
  const json::value* value = state_->Take(name, need, "an object");
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    state_->AddType(name, "an object", *value);
    return std::nullopt;
  }
  auto child = std::make_unique<State>();
  child->root = state_->root;
  child->object = &value->get_object();
  child->pointer = state_->pointer + "/" + std::string(name);
  child->errors = state_->errors;
  return JsonObject(std::move(child));
}

std::optional<bool> JsonObject::Bool(std::string_view name, Need need) {
  const json::value* value = state_->Take(name, need, "true or false");
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) {
    state_->AddType(name, "true or false", *value);
    return std::nullopt;
  }
  return value->get_bool();
}

std::map<std::string, std::optional<std::string>> JsonObject::Strings(std::string_view name, bool nulls) {
  std::map<std::string, std::optional<std::string>> strings;
  auto object = Object(name, Need::kNullable);
  if (!object) return strings;
  for (const auto& member : *object->state_->object) {
    const std::string member_name(member.key());
    strings[member_name] = object->String(member_name, nulls ? Need::kNullable : Need::kOptional);
  }
  return strings;
}

std::optional<std::optional<std::string>> JsonObject::AnyText(std::string_view name) {
  const json::value* value = state_->Take(name, Need::kOptional, "any value");
  if (value == nullptr) return std::nullopt;
  if (value->is_null()) return std::optional<std::string>();
  return std::optional(value->is_string() ? std::string(value->get_string()) : json::serialize(*value));
}

void JsonObject::RefuseOthers() {
  constexpr std::size_t kMaxErrors = 20;  // the first ones tell enough
  for (const auto& member : *state_->object) {
    const std::string_view name = member.key();
    if (state_->errors->size() >= kMaxErrors) return;
    if (!state_->asked.contains(name)) state_->Add(name, "is not a member known here");
  }
}

void JsonObject::AddError(std::string_view name, std::string detail) { state_->Add(name, std::move(detail)); }

void JsonObject::AddError(const base::Error& error) { state_->errors->push_back({error.field, error.message}); }

std::optional<Problem> JsonObject::problem() const {
  const auto& errors = *state_->errors;
  if (errors.empty()) return std::nullopt;
  Problem problem{422, {}, errors};
  for (const FieldError& error : errors) {
    if (!problem.detail.empty()) problem.detail += "; ";
    const bool needs_name = error.detail.starts_with("must ") || error.detail.starts_with("is ");
    if (needs_name) problem.detail += error.pointer.empty() ? "the body " : error.pointer.substr(1) + " ";
    problem.detail += error.detail;
  }
  return problem;
}

}  // namespace millrace::http
