#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <csignal>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "base/timestamp.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/log_range.h"
#include "cli/message_format.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kMessagesPage = 500;
constexpr int kWaitSeconds = 25;

struct ConsumeOptions {
  std::string topic, group, format;
  std::vector<std::string> offsets;
  int partition = -1;
  size_t count = std::numeric_limits<size_t>::max();
  bool until_end = false;
};

LogTime Now() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

extern "C" void EndWell(int) { _exit(kOk); }

/// Interruption ends the command well, but only where nothing is half done: all that came was printed and committed.
class Interruptible {
 public:
  Interruptible() { pthread_sigmask(SIG_UNBLOCK, Signals(), nullptr); }
  ~Interruptible() { pthread_sigmask(SIG_BLOCK, Signals(), nullptr); }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  static void SetUp() {
    pthread_sigmask(SIG_BLOCK, Signals(), nullptr);
    std::signal(SIGINT, EndWell);
    std::signal(SIGTERM, EndWell);
  }

 private:
  static const sigset_t* Signals() {
    static const sigset_t signals = [] {
      sigset_t both;
      sigemptyset(&both);
      sigaddset(&both, SIGINT);
      sigaddset(&both, SIGTERM);
      return both;
    }();
    return &signals;
  }
};

base::Result<json::value> Ask(HttpClient& client, const Request& request) {
  const Interruptible here;
  return Call(client, request);
}

/// Where the group goes on in this topic; empty when it has committed nothing there.
base::Result<std::string> CommittedOf(HttpClient& client, const ConsumeOptions& options) {
  const auto answer = Ask(client, {"GET", "/v1/groups/" + EncodeQueryValue(options.group)});
  if (!answer && answer.error().code == base::Code::kNotFound) return std::string();
  if (!answer) return answer.error();
  const json::object& group = answer->get_object();
  if (!ArrayAt(group, "members").empty()) {
    return {base::Code::kConflict,
            fmt::format("group {} has members: they commit for it, so nobody else can", options.group)};
  }
  std::string next;
  for (const json::value& item : ArrayAt(group, "partitions")) {
    if (!item.is_object()) continue;
    const json::object& partition = item.get_object();
    const std::string committed = NumberText(partition, "committed");
    if (TextAt(partition, "topic") != options.topic || committed == "-") continue;
    next += fmt::format("{}{}:{}", next.empty() ? "" : ",", NumberText(partition, "partition"), committed);
  }
  return next;
}

/// A partition at a time; what was printed and not committed comes again next time.
base::Status Commit(HttpClient& client, const ConsumeOptions& options, const std::map<int64_t, int64_t>& next) {
  for (const auto& [partition, offset] : next) {
    const std::string body = json::serialize(json::object{
        {"topic", options.topic}, {"partition", partition}, {"to", "offset"}, {"offset", offset}, {"execute", true}});
    const std::string path = fmt::format("/v1/groups/{}/reset", EncodeQueryValue(options.group));
    RETURN_IF_ERROR(Call(client, {"POST", path, "application/json", body}));
  }
  return {};
}

std::string Render(const json::object& message, const ConsumeOptions& options, OutputFormat output) {
  if (options.format == "json" || (options.format.empty() && output != OutputFormat::kTable)) {
    return FormatJson(message) + "\n";
  }
  return options.format.empty() ? DescribeMessage(message) : FormatMessage(message, options.format);
}

/// How far each partition has to be read.
class Bound {
 public:
  explicit Bound(const LogRange& range) : range_(range) {}

  /// Whether a message lies before the bound. A partition is done with the first one that does not.
  bool Takes(const json::object& message) {
    if (range_.until != LogRange::Until::kOffset && range_.until != LogRange::Until::kTime) return true;
    const int64_t partition = IntegerAt(message, "partition");
    const bool before = range_.until == LogRange::Until::kOffset
                            ? IntegerAt(message, "offset") < range_.offset
                            : base::ParseTimestamp(TextAt(message, "timestamp")).value_or(LogTime()) < range_.time;
    if (!before) done_.insert(partition);
    return !done_.contains(partition);
  }

  /// Whether nothing that follows `next`, an answer's, can lie before the bound.
  bool Reached(std::string_view next) const {
    if (done_.empty()) return false;
    for (size_t at = 0; at < next.size(); at = next.find(',', at) + 1) {
      int64_t partition = -1;
      std::from_chars(next.data() + at, next.data() + next.size(), partition);
      if (!done_.contains(partition)) return false;
      if (next.find(',', at) == std::string_view::npos) break;
    }
    return true;
  }

 private:
  const LogRange range_;
  std::set<int64_t> done_;
};

base::Status Follow(const ConsumeOptions& options, const LogRange& range, const Context& context) {
  HttpClient client(context.connection);
  const bool until_end = options.until_end || range.until != LogRange::Until::kForever;
  Bound bound(range);
  std::string from = range.from == "stored" ? "beginning" : range.from;
  if (!options.group.empty()) {
    ASSIGN_OR_RETURN(const std::string committed, CommittedOf(client, options));
    if (!committed.empty()) from = committed;
  }
  const std::string path =
      fmt::format("/v1/topics/{}/messages?timeout={}{}", EncodeQueryValue(options.topic), until_end ? 0 : kWaitSeconds,
                  options.partition < 0 ? "" : fmt::format("&partition={}", options.partition));
  for (size_t left = options.count; left > 0;) {
    Request request{"GET",
                    fmt::format("{}&limit={}&from={}", path, std::min(left, kMessagesPage), EncodeQueryValue(from))};
    request.timeout_seconds = 2 * kWaitSeconds;
    ASSIGN_OR_RETURN(const json::value answer, Ask(client, request));
    from = TextAt(answer.get_object(), "next");
    const json::array& messages = ArrayAt(answer.get_object(), "messages");
    std::map<int64_t, int64_t> next;
    for (const json::value& message : messages) {
      if (!message.is_object() || !bound.Takes(message.get_object())) continue;
      --left;
      Print(Render(message.get_object(), options, context.output));
      next[IntegerAt(message.get_object(), "partition")] = IntegerAt(message.get_object(), "offset") + 1;
    }
    FlushOutput();
    if (!options.group.empty()) RETURN_IF_ERROR(Commit(client, options, next));
    if (bound.Reached(from)) break;
    if (!messages.empty()) continue;
    if (until_end) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // a server that drains does not wait
  }
  return {};
}

int Consume(const ConsumeOptions& options, const Context& context) {
  if (const auto good = CheckMessageFormat(options.format); !good) {
    Complain(fmt::format("millrace consume: --format: {}", good.error().message));
    return kUsage;
  }
  const auto range = ParseLogRange(options.offsets, Now());
  if (!range) {
    Complain(fmt::format("millrace consume: --offset: {}", range.error().message));
    return kUsage;
  }
  if (range->from == "stored" && options.group.empty()) {
    Complain("millrace consume: --offset stored goes with --group");
    return kUsage;
  }
  Interruptible::SetUp();
  const auto status = Follow(options, *range, context);
  return status ? kOk : Report(status.error());
}

CommandBody DeclareConsume(CLI::App& app) {
  auto options = std::make_shared<ConsumeOptions>();
  app.add_option("TOPIC", options->topic, "The topic")->required();
  app.add_option(
         "-o,--offset", options->offsets,
         "Where to begin in each partition: beginning, end, an offset N, the last -N, +N for all but the first N, "
         "or @TIME such as @2026-01-15T10:30:00Z or @-15m; a range such as 10:20, :end or @-2h:-1h ends there. "
         "[beginning]")
      ->type_name("FROM[:TO]")
      ->allow_extra_args(false);
  app.add_option("-p,--partition", options->partition, "Only this partition")
      ->type_name("P")
      ->check(CLI::NonNegativeNumber);
  app.add_option("-g,--group", options->group,
                 "Begin where this group has got to, and commit what was printed. It does not become a member: two "
                 "such readers both get everything")
      ->type_name("G");
  app.add_option("-n,--count", options->count, "End after so many")->type_name("N")->check(CLI::PositiveNumber);
  app.add_flag("-e,--exit", options->until_end, "End at the end instead of waiting for more");
  app.add_option("-f,--format", options->format,
                 "json, or a format: %t topic, %p partition, %o offset, %T time, %k key, %s value, %S its bytes, "
                 "%h headers, \\n, \\t")
      ->type_name("FORMAT");
  return [options](const Context& context) { return Consume(*options, context); };
}

}  // namespace

Command ConsumeCommand() {
  return {"consume", "Print a topic's messages, as they come, until interrupted",
          "  millrace consume document-uploads\n"
          "  millrace consume document-events -o end -f json | jq .value\n"
          "  millrace consume greetings -o -5 -e -f '%p %o %k %s\\n'\n"
          "  millrace consume greetings -o @-2h:-1h --output jsonl\n"
          "  millrace consume greetings -g readers -n 10\n",
          DeclareConsume};
}

}  // namespace millrace::cli
