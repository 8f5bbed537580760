#include "cli/ingest_summary.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json.hpp>

#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kFailuresShown = 20;

size_t CountSkipped(const IngestSummary& summary) {
  size_t count = summary.same_page.size();
  for (const auto& [type, files] : summary.skipped_types) count += files;
  return count;
}

std::string DescribeSkipped(const IngestSummary& summary) {
  std::vector<std::pair<size_t, std::string>> types;
  for (const auto& [type, files] : summary.skipped_types) types.emplace_back(files, EscapeControls(type));
  std::sort(types.rbegin(), types.rend());
  std::string text;
  for (const auto& [files, type] : types) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", type, files);
  if (!summary.same_page.empty()) {
    text += fmt::format("{}same page in another format {}", text.empty() ? "" : ", ", summary.same_page.size());
  }
  return text;
}

std::string AsTable(const IngestSummary& summary) {
  const IngestCounts& counts = summary.counts;
  std::string text = fmt::format("accepted   {}\n", counts.accepted);
  if (summary.waited) text += fmt::format("indexed    {}\n", counts.indexed);
  if (summary.waited && counts.awaited > 0) text += fmt::format("unknown    {} not seen indexed\n", counts.awaited);
  text += fmt::format("unchanged  {}\n", counts.unchanged);
  const std::string skipped = DescribeSkipped(summary);
  text += fmt::format("skipped    {}{}\n", CountSkipped(summary), skipped.empty() ? "" : " (" + skipped + ")");
  text += fmt::format("failed     {}\n", counts.failed);
  const size_t shown = std::min(summary.failures.size(), kFailuresShown);
  for (size_t i = 0; i < shown; ++i) {
    const auto& [name, reason] = summary.failures[i];
    text += fmt::format("  {}: {}\n", EscapeControls(name), EscapeControls(reason));
  }
  if (shown < summary.failures.size()) {
    text += fmt::format("  and {} more (all with -o json)\n", summary.failures.size() - shown);
  }
  return text;
}

std::string AsJson(const IngestSummary& summary) {
  const IngestCounts& counts = summary.counts;
  json::object object{{"accepted", counts.accepted}, {"unchanged", counts.unchanged}, {"failed", counts.failed}};
  if (summary.waited) object["indexed"] = counts.indexed;
  if (summary.waited) object["unknown"] = counts.awaited;
  json::object& types = object["skipped_types"].emplace_object();
  for (const auto& [type, files] : summary.skipped_types) types[type] = files;
  json::array& same_page = object["same_page"].emplace_array();
  for (const auto& [path, taken] : summary.same_page) same_page.push_back({{"path", path}, {"taken", taken}});
  json::array& failures = object["failures"].emplace_array();
  for (const auto& [name, reason] : summary.failures) failures.push_back({{"name", name}, {"reason", reason}});
  return json::serialize(object) + "\n";
}

}  // namespace

std::string FormatSummary(const IngestSummary& summary, OutputFormat format) {
  return format == OutputFormat::kTable ? AsTable(summary) : AsJson(summary);
}

ExitCode ExitCodeOf(const IngestSummary& summary) {
  const IngestCounts& counts = summary.counts;
  if (counts.failed == 0) return kOk;
  return counts.accepted + counts.unchanged > 0 ? kPartly : kFailed;
}

}  // namespace millrace::cli
