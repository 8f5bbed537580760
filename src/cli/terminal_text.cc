#include "cli/terminal_text.h"

#include <fmt/core.h>
#include <locale.h>
#include <wchar.h>

#include <algorithm>

#include "base/utf8.h"

namespace millrace::cli {
namespace {

bool IsUnsafe(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
  const bool line_separator = code == 0x2028 || code == 0x2029;
  const bool direction = code == 0x200E || code == 0x200F || code == 0x061C || (code >= 0x202A && code <= 0x202E) ||
                         (code >= 0x2066 && code <= 0x2069);
  return control || line_separator || direction;
}

/// wcwidth asks the thread's locale; the process's may be "C", where everything but ASCII is unprintable.
class Utf8Locale {
 public:
  Utf8Locale() : previous_(uselocale(Shared())) {}
  ~Utf8Locale() { uselocale(previous_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t Shared() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", static_cast<locale_t>(nullptr));
    return locale;
  }
  locale_t previous_;
};

size_t WidthOf(char32_t code) {
  const int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<size_t>(width);
}

/// The longest prefix that fits `width` columns; at least one character, so that a caller's loop always advances.
std::string_view PrefixOfWidth(std::string_view text, size_t width) {
  const Utf8Locale locale;
  size_t used = 0;
  size_t end = 0;
  while (end < text.size()) {
    const base::CodePoint next = base::DecodeCodePoint(text, end);
    used += WidthOf(next.value);
    if (used > width && end > 0) break;
    end += next.size;
  }
  return text.substr(0, end);
}

void WrapLine(std::string_view line, size_t width, std::vector<std::string>* lines) {
  std::string current;
  size_t used = 0;
  while (!line.empty()) {
    const size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const size_t end = std::min(line.find(' ', begin), line.size());
    std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    if (word.empty()) break;
    size_t word_width = DisplayWidth(word);
    if (used > 0 && used + 1 + word_width > width) {
      lines->push_back(std::move(current));
      current.clear();
      used = 0;
    }
    while (word_width > width) {
      const std::string_view part = PrefixOfWidth(word, width);
      lines->emplace_back(part);
      word.remove_prefix(part.size());
      word_width = DisplayWidth(word);
    }
    if (word.empty()) continue;
    if (used > 0) current += ' ';
    used += word_width + (used > 0 ? 1 : 0);
    current += word;
  }
  if (!current.empty()) lines->push_back(std::move(current));
}

}  // namespace

std::string EscapeControls(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const size_t begin = position;
    const base::CodePoint next = base::DecodeCodePoint(text, position);
    position += next.size;
    if (!next.valid) {
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[begin]));
    } else if (next.value == '\n' || next.value == '\r' || next.value == '\t') {
      safe += ' ';
    } else if (IsUnsafe(next.value)) {
      safe += next.value < 0x100 ? fmt::format("\\x{:02x}", static_cast<unsigned>(next.value))
                                 : fmt::format("\\u{:04x}", static_cast<unsigned>(next.value));
    } else {
      safe += text.substr(begin, position - begin);
    }
  }
  return safe;
}

size_t DisplayWidth(std::string_view text) {
  const Utf8Locale locale;
  size_t width = 0;
  for (size_t position = 0; position < text.size();) {
    const base::CodePoint next = base::DecodeCodePoint(text, position);
    width += WidthOf(next.value);
    position += next.size;
  }
  return width;
}

std::string CutToWidth(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width <= 1) return "…";
  return std::string(PrefixOfWidth(text, width - 1)) + "…";
}

std::vector<std::string> WrapText(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    WrapLine(EscapeControls(text.substr(0, end)), width, &lines);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace millrace::cli
