#include "core/line.h"

#include <algorithm>

#include "base/utf8.h"

namespace millrace::core {
namespace {

constexpr std::string_view kRuleMarks = "=-~^\"'`+*#.:_";
constexpr std::string_view kSeparatorMarks = "=-~*_^";
constexpr std::size_t kMaxRuleBytes = 256;
constexpr std::size_t kTabColumns = 4;

std::size_t IndentOf(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) {
    if (c == ' ') {
      ++columns;
    } else if (c == '\t') {
      columns += kTabColumns;
    } else {
      break;
    }
  }
  return columns;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::size_t RunOf(std::string_view text, char mark) { return std::min(text.find_first_not_of(mark), text.size()); }

bool IsHeading(std::string_view text) {
  const std::size_t level = RunOf(text, '#');
  return level >= 1 && level <= 6 && level < text.size() && IsBlank(text[level]);
}

bool IsFence(std::string_view text) {
  const std::size_t run = RunOf(text, text[0]);
  if (run < 3 || (text[0] != '`' && text[0] != '~')) return false;
  return text.substr(run).find('`') == std::string_view::npos;  // else it is code within a line
}

bool IsRule(std::string_view text) {
  if (text.size() < 3 || text.size() > kMaxRuleBytes || kRuleMarks.find(text[0]) == std::string_view::npos)
    return false;
  return std::ranges::count(text, text[0]) >= 3 &&
         std::ranges::all_of(text, [&](char c) { return c == text[0] || IsBlank(c); });
}

bool IsTable(std::string_view text) { return text[0] == '|' || text.starts_with("+-") || text.starts_with("+="); }

bool IsItem(std::string_view text) {
  for (const std::string_view bullet : {"-", "*", "+", "•", "‣", "◦", "#."}) {
    if (text.starts_with(bullet)) return text.size() > bullet.size() && IsBlank(text[bullet.size()]);
  }
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  return digits >= 1 && digits <= 3 && digits + 1 < text.size() && (text[digits] == '.' || text[digits] == ')') &&
         IsBlank(text[digits + 1]);
}

}  // namespace

Line ReadLine(std::string_view text) {
  Line line;
  line.indent = IndentOf(text);
  text = base::TrimWhiteSpace(text);
  line.width = static_cast<std::size_t>(base::CountCodePoints(text));
  if (text.empty() || RunOf(text, '>') == text.size()) {
    line.kind = Line::Kind::kBlank;
  } else if (IsHeading(text) && line.indent < kTabColumns) {
    line.kind = Line::Kind::kHeading;
  } else if (IsFence(text) || IsRule(text)) {
    line.kind = IsFence(text) ? Line::Kind::kFence : Line::Kind::kRule;
    line.mark = text[0];
    line.bare = RunOf(text, text[0]) == text.size();
    line.width = RunOf(text, text[0]);
  } else if (IsTable(text)) {
    line.kind = Line::Kind::kTable;
  } else if (IsItem(text)) {
    line.kind = Line::Kind::kItem;
  }
  return line;
}

bool Underlines(const Line& rule, std::size_t title_width) {
  if (!rule.bare) return false;
  const bool markdown = rule.mark == '=' || rule.mark == '-';  // where an underline may be shorter than its title
  return markdown || rule.width >= title_width;
}

bool Separates(const Line& rule) { return kSeparatorMarks.find(rule.mark) != std::string_view::npos; }

}  // namespace millrace::core
