#include "http/json_writer.h"

#include <fmt/core.h>

#include <cmath>
#include <iterator>

namespace millrace::http {
namespace {

template <typename Float>
std::string FormatFloat(Float value) {
  if (!std::isfinite(value)) return "null";  // JSON has no such numbers
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  Quote(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Value(std::string_view text) {
  Separate();
  Quote(text);
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Value(float value) { return Raw(FormatFloat(value)); }
JsonWriter& JsonWriter::Value(double value) { return Raw(FormatFloat(value)); }

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  text_ += json;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Begin(char bracket) {
  Separate();
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

void JsonWriter::Separate() {
  if (needs_comma_) text_ += ',';
}

void JsonWriter::Quote(std::string_view text) {
  text_ += '"';
  size_t plain = 0;  // start of the run not yet copied
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    text_.append(text, plain, i - plain);
    plain = i + 1;
    switch (byte) {
      case '"': text_ += "\\\""; break;
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      case '\t': text_ += "\\t"; break;
      default: fmt::format_to(std::back_inserter(text_), "\\u{:04x}", byte);
    }
  }
  text_.append(text, plain, text.size() - plain);
  text_ += '"';
}

}  // namespace millrace::http
