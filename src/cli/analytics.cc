#include <fmt/chrono.h>
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <memory>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/duration.h"
#include "cli/exit_code.h"
#include "cli/table.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Options {
  std::string since = "24h";
  int top = 10;
};

/// So that a screen holds all buckets.
seconds StepFor(seconds since) {
  if (since <= minutes(30)) return minutes(1);
  if (since <= hours(2)) return minutes(5);
  if (since <= hours(24)) return hours(1);
  return since <= hours(24 * 7) ? hours(6) : hours(24);
}

std::string Milliseconds(const json::object& holder, std::string_view percentile) {
  const json::object& latency = ObjectAt(holder, "latency_ms");
  return latency.empty() ? "-" : fmt::format("{:.1f} ms", NumberAt(latency, percentile));
}

std::string FormatQueries(const json::array& queries, std::string_view title) {
  std::vector<std::vector<std::string>> rows;
  for (const json::value& item : queries) {
    if (!item.is_object()) continue;
    const json::object& query = item.get_object();
    rows.push_back({std::to_string(IntegerAt(query, "searches")), std::to_string(IntegerAt(query, "without_results")),
                    TextAt(query, "query")});
  }
  if (rows.empty()) return {};
  return fmt::format("\n{}\n{}", title, FormatTable({"SEARCHES", "WITHOUT RESULTS", "QUERY"}, rows, TableWidth()));
}

std::string FormatBuckets(const json::array& buckets) {
  std::vector<std::vector<std::string>> rows;
  for (const json::value& item : buckets) {
    if (!item.is_object() || IntegerAt(item.get_object(), "searches") == 0) continue;
    const json::object& bucket = item.get_object();
    rows.push_back({TextAt(bucket, "start").substr(0, 16), std::to_string(IntegerAt(bucket, "searches")),
                    std::to_string(IntegerAt(bucket, "without_results")), Milliseconds(bucket, "p50"),
                    Milliseconds(bucket, "p95"), Milliseconds(bucket, "p99")});
  }
  if (rows.empty()) return {};
  return "\nOver time (UTC)\n" +
         FormatTable({"FROM", "SEARCHES", "WITHOUT RESULTS", "P50", "P95", "P99"}, rows, TableWidth());
}

std::string FormatReport(const json::object& report, const std::string& since) {
  return fmt::format("searches  {} in the last {}, {} without results\nlatency   p50 {}, p95 {}, p99 {}\n",
                     IntegerAt(report, "searches"), since, IntegerAt(report, "without_results"),
                     Milliseconds(report, "p50"), Milliseconds(report, "p95"), Milliseconds(report, "p99")) +
         FormatQueries(ArrayAt(report, "top"), "Most searched") +
         FormatQueries(ArrayAt(report, "unanswered"), "Most often without results") +
         FormatBuckets(ArrayAt(report, "buckets"));
}

int ShowAnalytics(const Options& options, const Context& context) {
  const auto since = ParseDuration(options.since);
  if (!since) {
    Complain("millrace analytics: --since takes 90s, 30m, 24h or 7d, and a year at most");
    return kUsage;
  }
  const auto from = std::chrono::floor<seconds>(std::chrono::system_clock::now()) - *since;
  HttpClient client(context.connection);
  const auto answer =
      Call(client, {"GET", fmt::format("/v1/analytics/searches?from={:%Y-%m-%dT%H:%M:%SZ}&step={}&top={}",
                                       fmt::gmtime(from), StepFor(*since).count(), options.top)});
  if (!answer) return Report(answer.error());
  Print(context.output == OutputFormat::kTable ? FormatReport(answer->get_object(), options.since)
                                               : FormatJson(*answer) + "\n");
  return kOk;
}

CommandBody DeclareAnalytics(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("--since", options->since, "How far back: 90s, 30m, 24h, 7d")
      ->type_name("DURATION")
      ->capture_default_str();
  app.add_option("--top", options->top, "How many queries")->check(CLI::Range(0, 1000))->capture_default_str();
  return [options](const Context& context) { return ShowAnalytics(*options, context); };
}

}  // namespace

Command AnalyticsCommand() {
  return {"analytics", "Show what people search for and how long it takes",
          "  millrace analytics --since 7d --top 20\n", DeclareAnalytics};
}

}  // namespace millrace::cli
