#include "cli/status.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

bool Has(const json::object& object, std::string_view member) {
  const json::value* value = object.if_contains(json::string_view(member.data(), member.size()));
  return value != nullptr && value->is_number();
}

std::string DescribeDocuments(const json::object& documents) {
  std::string text;
  for (const auto& [name, count] : documents) {
    const int64_t number = IntegerAt(documents, std::string_view(name));
    if (number > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", number, EscapeControls(std::string_view(name)));
  }
  return text.empty() ? "none" : text;
}

std::string FormatPartitions(const json::object& lag) {
  const json::value* partitions = lag.if_contains("partitions");
  if (partitions == nullptr || !partitions->is_array() || partitions->get_array().empty()) return {};
  std::vector<std::vector<std::string>> rows;
  for (const json::value& item : partitions->get_array()) {
    if (!item.is_object()) continue;
    const json::object& partition = item.get_object();
    rows.push_back({TextAt(partition, "topic"), std::to_string(IntegerAt(partition, "partition")),
                    Has(partition, "committed") ? std::to_string(IntegerAt(partition, "committed")) : "-",
                    std::to_string(IntegerAt(partition, "high")), std::to_string(IntegerAt(partition, "lag"))});
  }
  return "\n" + FormatTable({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG"}, rows, TableWidth());
}

std::string FormatStatus(const json::object& status) {
  const json::object& index = ObjectAt(status, "index");
  const json::object& outbox = ObjectAt(status, "outbox");
  const json::object& rates = ObjectAt(status, "rates");
  std::string text = fmt::format("mode        {}\n", EscapeControls(TextAt(status, "mode")));
  text += fmt::format("model       {}\n", EscapeControls(TextAt(status, "model")));
  if (TextAt(status, "mode") == "cluster") {  // an embedded server does all the work itself
    const json::object& instances = ObjectAt(status, "instances");
    text += fmt::format("servers     {}\nworkers     {}{}\n", IntegerAt(instances, "servers"),
                        IntegerAt(instances, "workers"),
                        IntegerAt(instances, "workers") == 0 ? ": documents wait until `millrace worker` runs" : "");
  }
  text += fmt::format("documents   {}\n", DescribeDocuments(ObjectAt(status, "documents")));
  text += fmt::format("chunks      {}\n", IntegerAt(status, "chunks"));
  text += fmt::format("index       {} documents, {} chunks, {:.1f} MiB\n", IntegerAt(index, "documents"),
                      IntegerAt(index, "chunks"), NumberAt(index, "bytes") / (1 << 20));
  text += fmt::format("outbox      {}", IntegerAt(outbox, "rows"));
  if (Has(outbox, "oldest_seconds")) {
    text += fmt::format(", the oldest waiting {}", DescribeSeconds(NumberAt(outbox, "oldest_seconds")));
  }
  text += fmt::format("\nin flight   {}\n", IntegerAt(status, "in_flight"));
  const json::object& lag = ObjectAt(status, "lag");
  if (const std::string error = TextAt(lag, "error"); !error.empty()) {
    text += fmt::format("lag         unknown: {}\nretries     unknown\n", EscapeControls(error));
  } else {
    text += fmt::format("lag         {}\nretries     {}\n", IntegerAt(lag, "total"),
                        IntegerAt(ObjectAt(status, "retries"), "waiting"));
  }
  text += fmt::format("dead        {}\n", IntegerAt(status, "dead_letters"));
  text += fmt::format("throughput  {:.1f} documents/s, {:.1f} chunks/s, {:.0f} tokens/s\n",
                      NumberAt(rates, "documents_per_second"), NumberAt(rates, "chunks_per_second"),
                      NumberAt(rates, "tokens_per_second"));
  if (Has(status, "seconds_left")) {
    const double seconds = NumberAt(status, "seconds_left");
    text += fmt::format("time left   {}\n", seconds > 0 ? DescribeSeconds(seconds) : "nothing waits");
  } else {
    text += "time left   unknown: nothing moves\n";
  }
  return text + FormatPartitions(ObjectAt(status, "lag"));
}

int ShowStatus(bool watch, const Context& context) {
  HttpClient client(context.connection);
  const bool redraw = watch && context.output == OutputFormat::kTable && isatty(STDOUT_FILENO) == 1;
  for (;;) {
    const auto answer = Call(client, {"GET", "/v1/status"});
    if (!answer) return Report(answer.error());
    if (redraw) Print("\x1b[H\x1b[2J");
    Print(context.output == OutputFormat::kTable ? FormatStatus(answer->get_object()) : FormatJson(*answer) + "\n");
    if (!watch) return kOk;
    FlushOutput();
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

CommandBody DeclareStatus(CLI::App& app) {
  auto watch = std::make_shared<bool>(false);
  app.add_flag("-w,--watch", *watch, "Every second, until interrupted");
  return [watch](const Context& context) { return ShowStatus(*watch, context); };
}

}  // namespace

std::string DescribeSeconds(double seconds) {
  const auto whole = static_cast<long long>(seconds < 1 ? 1 : seconds > 1e9 ? 1e9 : seconds + 0.5);
  if (whole < 90) return fmt::format("{} s", whole);
  const long long minutes = (whole + 30) / 60;
  if (minutes < 90) return fmt::format("{} min", minutes);
  return fmt::format("{} h {} min", minutes / 60, minutes % 60);
}

std::string DescribeRates(const json::object& status) {
  std::string text;
  const double rate = NumberAt(ObjectAt(status, "rates"), "chunks_per_second");
  if (rate > 0) text += fmt::format(" · {:.0f} chunks/s", rate);
  if (Has(status, "seconds_left")) text += fmt::format(" · {} left", DescribeSeconds(NumberAt(status, "seconds_left")));
  return text;
}

Command StatusCommand() {
  return {"status", "Show the queue, lag, throughput and time left", "  millrace status --watch\n", DeclareStatus};
}

}  // namespace millrace::cli
