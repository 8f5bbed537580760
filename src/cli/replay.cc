#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <memory>
#include <string>

#include "cli/api.h"
#include "cli/batches.h"
#include "cli/command.h"
#include "cli/exit_code.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr std::array kCounts = {"read", "sent", "up_to_date", "gone", "other", "unreadable"};

struct ReplayOptions {
  std::string topic, from = "beginning";
  int64_t document = 0, partition = -1;
  bool execute = false;
  BatchOptions batches;
};

class Replay {
 public:
  Replay(const ReplayOptions& options, const Context& context)
      : options_(options), output_(context.output), client_(context.connection) {}

  int Run() {
    const BatchEnd end = RunBatches(options_.batches, "messages read", -1,
                                    [&](const std::string& cursor, size_t limit) { return Step(cursor, limit); });
    if (end.items > 0 || end.status) Tell(end);
    return ReportBatchEnd(end, "millrace replay with the same options");
  }

 private:
  base::Result<BatchStep> Step(const std::string& cursor, size_t limit) {
    json::object body{{"topic", options_.topic}, {"dry_run", !options_.execute}, {"limit", limit}};
    const bool bare_time = options_.from.find('T') != std::string::npos && !options_.from.starts_with('@');
    if (cursor.empty()) body["from"] = (bare_time ? "@" : "") + options_.from;
    if (!cursor.empty()) body["cursor"] = cursor;
    if (options_.partition >= 0) body["partition"] = options_.partition;
    if (options_.document > 0) body["document_id"] = options_.document;
    const std::string text = json::serialize(body);
    ASSIGN_OR_RETURN(const json::value value, Call(client_, {"POST", "/v1/replay", "application/json", text}));
    const json::object& answer = value.get_object();
    for (const char* count : kCounts) counts_[count] += IntegerAt(answer, count);
    return BatchStep{IntegerAt(answer, "read"), TextAt(answer, "next_cursor")};
  }

  void Tell(const BatchEnd& end) {
    if (output_ != OutputFormat::kTable) {
      json::object object{{"dry_run", !options_.execute}};
      for (const char* count : kCounts) object[count] = counts_[count];
      object["next_cursor"] = end.cursor.empty() ? json::value(nullptr) : json::value(end.cursor);
      Print(FormatJson(object) + "\n");
      return;
    }
    Print(fmt::format("{} messages read, {} {}, {} of versions indexed or overtaken, {} of deleted documents, ",
                      counts_["read"], counts_["sent"], options_.execute ? "sent again" : "would be sent again",
                      counts_["up_to_date"], counts_["gone"]));
    if (options_.document > 0) Print(fmt::format("{} of other documents, ", counts_["other"]));
    Print(fmt::format("{} unreadable\n", counts_["unreadable"]));
    FlushOutput();
    if (!options_.execute && counts_["sent"] > 0) Complain("nothing was sent: --execute does it");
  }

  const ReplayOptions& options_;
  const OutputFormat output_;
  HttpClient client_;
  std::map<std::string, int64_t> counts_;
};

CommandBody DeclareReplay(CLI::App& app) {
  auto options = std::make_shared<ReplayOptions>();
  app.add_option("--topic", options->topic, "Where to read, such as document-uploads")->type_name("T")->required();
  app.add_option(
         "--from", options->from,
         "beginning, an offset such as 5, the last so many such as -5, or a time such as 2026-01-15T10:30:00Z or "
         "@-2h")
      ->type_name("FROM")
      ->capture_default_str();
  app.add_option("--partition", options->partition, "Only this one")->type_name("P")->check(CLI::NonNegativeNumber);
  app.add_option("--document", options->document, "Only messages of this document")
      ->type_name("ID")
      ->check(CLI::PositiveNumber);
  app.add_flag("--execute", options->execute, "Do it; without, only count");
  AddBatchOptions(app, options->batches);
  return [options](const Context& context) -> int { return Replay(*options, context).Run(); };
}

}  // namespace

Command ReplayCommand() {
  return {"replay", "Send messages of the log through the pipeline again; without --execute only count them",
          "  millrace replay --topic document-uploads --from @-2h\n"
          "  millrace replay --topic document-uploads --document 42 --execute\n"
          "  millrace replay --topic document-uploads --execute --rate 100/s\n",
          DeclareReplay};
}

}  // namespace millrace::cli
