#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "cli/terminal_text.h"

namespace millrace::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 8;

std::vector<size_t> ColumnWidths(const std::vector<std::vector<std::string>>& lines, size_t width) {
  std::vector<size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(line[i]));
  }
  const size_t gaps = kGap * (widths.size() - 1);
  size_t total = std::accumulate(widths.begin(), widths.end(), gaps);
  while (total > width) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
    --total;
  }
  return widths;
}

}  // namespace

std::string FormatTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                        size_t width) {
  std::vector<std::vector<std::string>> lines{header};
  for (const auto& row : rows) {
    std::vector<std::string> safe;
    for (const auto& cell : row) safe.push_back(EscapeControls(cell));
    lines.push_back(std::move(safe));
  }
  const std::vector<size_t> widths = ColumnWidths(lines, width);
  std::string text;
  for (const auto& line : lines) {
    std::string shown;
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string cell = CutToWidth(line[i], widths[i]);
      shown += cell;
      shown.append(widths[i] - std::min(widths[i], DisplayWidth(cell)) + kGap, ' ');
    }
    shown.erase(shown.find_last_not_of(' ') + 1);
    text += shown + "\n";
  }
  return text;
}

}  // namespace millrace::cli
