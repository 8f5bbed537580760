#include "core/json_text.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <string>

namespace millrace::core {
namespace {

namespace json = boost::json;
using Code = boost::system::error_code;
using Text = json::string_view;

/// Builds a value from what the parser reads.
class Builder {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value Release() { return stack_.release(); }

  bool on_document_begin(Code&) {
    stack_.reset();
    return true;
  }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) { return true; }
  bool on_object_end(std::size_t size, Code&) {
    stack_.push_object(size);
    return true;
  }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t size, Code&) {
    stack_.push_array(size);
    return true;
  }
  bool on_key_part(Text part, std::size_t, Code&) { return PushChars(part); }
  bool on_key(Text part, std::size_t, Code&) {
    stack_.push_key(part);
    return true;
  }
  bool on_string_part(Text part, std::size_t, Code&) { return PushChars(part); }
  bool on_string(Text part, std::size_t, Code&) {
    stack_.push_string(part);
    return true;
  }
  bool on_number_part(Text part, Code&) {
    number_ += part;
    return true;
  }
  bool on_int64(std::int64_t number, Text, Code&) {
    number_.clear();
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, Text, Code&) {
    number_.clear();
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double number, Text part, Code&) {
    number_ += part;
    std::from_chars(number_.data(), number_.data() + number_.size(), number);  // out of range leaves it as it is
    number_.clear();
    stack_.push_double(number);
    return true;
  }
  bool on_bool(bool flag, Code&) {
    stack_.push_bool(flag);
    return true;
  }
  bool on_null(Code&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

 private:
  bool PushChars(Text part) {
    stack_.push_chars(part);
    return true;
  }

  json::value_stack stack_;
  std::string number_;
};

}  // namespace

base::Result<json::value> ParseJson(std::string_view text, std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<Builder> parser(options);
  Code error;
  const std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
  if (!error && consumed < text.size()) error = json::error::extra_data;
  if (error == json::error::too_deep) {
    return base::Error{base::Code::kTooLarge, fmt::format("JSON must not be nested deeper than {}", max_depth), {}};
  }
  if (error) return base::Error{base::Code::kInvalidArgument, error.message(), {}};
  return parser.handler().Release();
}

}  // namespace millrace::core
