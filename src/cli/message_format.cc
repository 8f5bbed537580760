#include "cli/message_format.h"

#include <fmt/core.h>

#include <boost/json.hpp>

#include "base/base64.h"
#include "cli/api.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

/// A member's bytes; empty for null.
std::string BytesOf(const json::object& object, std::string_view member, std::string_view encoding) {
  std::string text = TextAt(object, member);
  if (TextAt(object, encoding) != "base64") return text;
  return base::DecodeBase64(text).value_or(text);
}

std::string HeadersOf(const json::object& message) {
  std::string text;
  for (const json::value& item : ArrayAt(message, "headers")) {
    if (!item.is_object()) continue;
    const json::object& header = item.get_object();
    text +=
        fmt::format("{}{}={}", text.empty() ? "" : ",", TextAt(header, "name"), BytesOf(header, "value", "encoding"));
  }
  return text;
}

std::string Indent(const json::value& value, size_t depth) {
  const std::string pad(2 * (depth + 1), ' ');
  std::string text;
  if (value.is_array() && !value.get_array().empty()) {
    for (const json::value& item : value.get_array()) {
      text += fmt::format("{}\n{}{}", text.empty() ? "" : ",", pad, Indent(item, depth + 1));
    }
    return fmt::format("[{}\n{}]", text, pad.substr(2));
  }
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& [name, member] : value.get_object()) {
      text += fmt::format("{}\n{}{}: {}", text.empty() ? "" : ",", pad,
                          EscapeControls(json::serialize(json::string(name))), Indent(member, depth + 1));
    }
    return fmt::format("{{{}\n{}}}", text, pad.substr(2));
  }
  return EscapeControls(FormatJson(value));
}

std::string Expand(char letter, const json::object& message) {
  switch (letter) {
    case 't': return TextAt(message, "topic");
    case 'p': return NumberText(message, "partition");
    case 'o': return NumberText(message, "offset");
    case 'T': return TextAt(message, "timestamp");
    case 'k': return BytesOf(message, "key", "key_encoding");
    case 's': return BytesOf(message, "value", "encoding");
    case 'S': return std::to_string(BytesOf(message, "value", "encoding").size());
    case 'h': return HeadersOf(message);
    default: return "%";
  }
}

char Unescape(char letter) {
  switch (letter) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '0': return '\0';
    default: return '\\';
  }
}

}  // namespace

std::string DescribeMessage(const json::object& message) {
  const json::value* key = message.if_contains("key");
  std::string text = fmt::format("{}  partition {}  offset {}  key {}\n", EscapeControls(TextAt(message, "topic")),
                                 NumberText(message, "partition"), NumberText(message, "offset"),
                                 key == nullptr || key->is_null() ? "-" : EscapeControls(TextAt(message, "key")));
  const std::string headers = HeadersOf(message);
  if (!headers.empty()) text += fmt::format("headers  {}\n", EscapeControls(headers));
  const json::value* value = message.if_contains("value");
  if (value == nullptr || value->is_null()) return text + "(no value)\n";
  const std::string content = TextAt(message, "value");
  const auto parsed = ParseJson(content);
  return text + (parsed && TextAt(message, "encoding").empty() ? Indent(*parsed, 0) : EscapeControls(content)) + "\n";
}

base::Status CheckMessageFormat(std::string_view format) {
  for (size_t at = 0; at < format.size(); ++at) {
    const bool percent = format[at] == '%';
    if (!percent && format[at] != '\\') continue;
    const std::string_view known = percent ? "tpoTksSh%" : "ntr0\\";
    if (++at == format.size() || known.find(format[at]) == std::string_view::npos) {
      return {base::Code::kInvalidArgument, fmt::format("'{}' is not known in a format", format.substr(at - 1, 2))};
    }
  }
  return {};
}

std::string FormatMessage(const json::object& message, std::string_view format) {
  std::string text;
  for (size_t at = 0; at < format.size(); ++at) {
    if (format[at] == '%') {
      text += Expand(format[++at], message);
    } else if (format[at] == '\\') {
      text += Unescape(format[++at]);
    } else {
      text += format[at];
    }
  }
  return text;
}

}  // namespace millrace::cli
