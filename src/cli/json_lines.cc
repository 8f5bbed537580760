#include "cli/json_lines.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "cli/api.h"
#include "cli/title.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kMaxLineBytes = 16 << 20;

/// `part`: "#3" or " line 3" for one of several, empty for the only one.
void TakeObject(json::value value, const JsonDefaults& defaults, const std::string& part, const DocumentSink& sink) {
  const std::string name = defaults.name + part;
  if (!value.is_object()) return sink.fail(name, "not a JSON object");
  json::object& object = value.get_object();
  const json::value* content = object.if_contains("content");
  if (content == nullptr || !content->is_string()) return sink.fail(name, "no string \"content\" in it");
  if (json::value* title = object.if_contains("title"); title != nullptr && title->is_string()) {
    *title = TidyTitle(std::string(title->get_string()));
  }
  if (object.contains("key") && object["key"].is_null()) object.erase("key");
  if (!object.contains("key") && !defaults.key.empty()) object["key"] = defaults.key + part;
  if (!object.contains("metadata") && !defaults.metadata_json.empty()) {
    object["metadata"] = json::parse(defaults.metadata_json);
  }
  if (!object.contains("chunking") && !defaults.chunking.empty()) {
    object["chunking"] = {{"strategy", defaults.chunking}};
  }
  sink.take({name, TextAt(object, "key"), json::serialize(object)});
}

bool IsBlank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

void TakeLine(std::string_view line, const JsonDefaults& defaults, const std::string& part, const DocumentSink& sink) {
  if (IsBlank(line)) return;
  auto value = ParseJson(line);
  if (!value) return sink.fail(defaults.name + part, value.error().message);
  TakeObject(std::move(value).value(), defaults, part, sink);
}

/// False at the stream's end. A line beyond the bound is read to its end and left empty with `too_long` set.
bool NextLine(std::istream& stream, std::string* line, bool* too_long) {
  line->clear();
  *too_long = false;
  std::streambuf* buffer = stream.rdbuf();
  bool any = false;
  for (int c = buffer->sbumpc(); c != std::char_traits<char>::eof(); c = buffer->sbumpc()) {
    any = true;
    if (c == '\n') return true;
    if (line->size() == kMaxLineBytes) {
      *too_long = true;
      line->clear();
    }
    if (!*too_long) *line += static_cast<char>(c);
  }
  return any;
}

}  // namespace

void ReadJsonText(std::string_view text, const JsonDefaults& defaults, const DocumentSink& sink) {
  auto whole = ParseJson(text);
  if (whole && whole->is_array()) {
    size_t number = 0;
    for (json::value& item : whole->get_array()) {
      TakeObject(std::move(item), defaults, fmt::format("#{}", ++number), sink);
    }
    return;
  }
  if (whole) return TakeObject(std::move(whole).value(), defaults, "", sink);

  const std::string_view first = text.substr(0, text.find('\n'));
  const auto first_value = ParseJson(first);
  if (!first_value || !first_value->is_object()) return sink.fail(defaults.name, whole.error().message);
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    TakeLine(text.substr(0, end), defaults, fmt::format("#{}", number), sink);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void ReadJsonStream(std::istream& stream, const JsonDefaults& defaults, const DocumentSink& sink,
                    const std::function<bool()>& keep_on) {
  std::string line;
  bool too_long = false;
  for (size_t number = 1; keep_on() && NextLine(stream, &line, &too_long); ++number) {
    const std::string part = fmt::format(" line {}", number);
    if (too_long) {
      sink.fail(defaults.name + part, "longer than 16 MiB");
    } else {
      TakeLine(line, defaults, part, sink);
    }
  }
}

}  // namespace millrace::cli
