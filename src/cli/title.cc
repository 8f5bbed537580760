#include "cli/title.h"

#include <strings.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace {

constexpr size_t kLinesLookedAt = 400;

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\f\v");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\f\v") - begin + 1);
}

class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> Next() {
    if (rest_.empty() || count_++ == kLinesLookedAt) return std::nullopt;
    const size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return line;
  }

 private:
  std::string_view rest_;
  size_t count_ = 0;
};

std::string Unquote(std::string_view value) {
  value = Trim(value);
  const bool quoted =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  return std::string(quoted ? value.substr(1, value.size() - 2) : value);
}

/// `Title: …` among the `Name: value` lines a text opens with (PEPs, mail headers, YAML between `---`).
std::string TitleInHeader(std::string_view text) {
  Lines lines(text);
  bool first = true;
  while (const auto line = lines.Next()) {
    const std::string_view trimmed = Trim(*line);
    if (first && trimmed == "---") continue;
    const size_t colon = line->find(':', 1);
    const bool continued = !first && !line->empty() && (line->front() == ' ' || line->front() == '\t');
    if (trimmed.empty() || trimmed == "---" || (!continued && colon == std::string_view::npos)) return {};
    first = false;
    std::string_view name = continued ? std::string_view() : line->substr(0, colon);
    if (name.starts_with(':')) name.remove_prefix(1);
    if (name.find_first_of(" \t") != std::string_view::npos) return {};
    if (name.size() == 5 && strncasecmp(name.data(), "title", 5) == 0) return Unquote(line->substr(colon + 1));
  }
  return {};
}

bool IsUnderline(std::string_view line, std::string_view marks, size_t least) {
  line = Trim(line);
  return line.size() >= least && marks.find(line.front()) != std::string_view::npos &&
         line.find_first_not_of(line.front()) == std::string_view::npos;
}

std::string_view AtxHeading(std::string_view line) {
  const size_t begin = line.find_first_not_of(' ');
  if (begin == std::string_view::npos || begin > 3) return {};
  line.remove_prefix(begin);
  const size_t level = std::min(line.find_first_not_of('#'), line.size());
  if (level == 0 || level > 6 || level == line.size() || (line[level] != ' ' && line[level] != '\t')) return {};
  line = Trim(line.substr(level));
  const size_t end = line.find_last_not_of('#') + 1;
  return end < line.size() && (end == 0 || line[end - 1] == ' ') ? Trim(line.substr(0, end)) : line;
}

std::string WithoutMarkup(std::string_view heading) {
  std::string plain(heading);
  std::erase(plain, '`');
  return plain;
}

std::string MarkdownHeading(std::string_view text) {
  Lines lines(text);
  std::string_view previous;
  bool fenced = false;
  bool front_matter = false;
  for (bool first = true; const auto line = lines.Next(); first = false) {
    const std::string_view trimmed = Trim(*line);
    if (trimmed == "---" && (first || front_matter)) {
      front_matter = first;
      continue;
    }
    if (front_matter) continue;
    if (trimmed.starts_with("```") || trimmed.starts_with("~~~")) fenced = !fenced;
    if (!fenced) {
      if (const auto heading = AtxHeading(*line); !heading.empty()) return WithoutMarkup(heading);
      if (!previous.empty() && IsUnderline(*line, "=-", 2)) return WithoutMarkup(previous);
    }
    previous = fenced || trimmed.find_first_of("|>") == 0 || trimmed.starts_with("- ") ? std::string_view() : trimmed;
  }
  return {};
}

/// `first_only`: nothing but the first line that is not blank may be the heading.
std::string UnderlinedHeading(std::string_view text, bool first_only) {
  static constexpr std::string_view kMarks = "=-~^\"'`#*+.:_<>";
  Lines lines(text);
  std::string_view previous;
  while (const auto line = lines.Next()) {
    const std::string_view trimmed = Trim(*line);
    const bool underline = IsUnderline(trimmed, kMarks, 3);
    if (!previous.empty() && underline && trimmed.size() + 2 >= DisplayWidth(previous)) return WithoutMarkup(previous);
    if (first_only && !previous.empty()) return {};
    previous = underline ? std::string_view() : trimmed;
  }
  return {};
}

}  // namespace

std::string FindTextTitle(std::string_view type, std::string_view text) {
  std::string title = TitleInHeader(text);
  if (!title.empty()) return title;
  if (type == "md") return MarkdownHeading(text);
  return UnderlinedHeading(text, type != "rst");
}

std::string TidyTitle(std::string_view title) {
  std::string tidy;
  for (const char c : title) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space) {
      tidy += c;
    } else if (!tidy.empty() && tidy.back() != ' ') {
      tidy += ' ';
    }
  }
  tidy = base::FirstCodePoints(tidy, kMaxTitleChars);
  if (!tidy.empty() && tidy.back() == ' ') tidy.pop_back();
  return tidy;
}

}  // namespace millrace::cli
