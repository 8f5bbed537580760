#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/duration.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

struct ResetOptions {
  std::string group, topic, time;
  bool earliest = false, latest = false, execute = false;
  int64_t offset = -1;
};

/// `TOPIC` or `TOPIC:PARTITION` (a topic's name holds no colon).
json::object BodyOf(const ResetOptions& options) {
  const size_t colon = options.topic.find(':');
  json::object body = {{"topic", options.topic.substr(0, colon)}, {"execute", options.execute}};
  if (colon != std::string::npos) body["partition"] = std::stoi(options.topic.substr(colon + 1));
  if (options.earliest) {
    body["to"] = "earliest";
  } else if (options.latest) {
    body["to"] = "latest";
  } else if (options.offset >= 0) {
    body["to"] = "offset";
    body["offset"] = options.offset;
  } else {
    body["to"] = "time";
    body["time"] = options.time;
  }
  return body;
}

int Reset(const ResetOptions& options, const Context& context) {
  HttpClient client(context.connection);
  const std::string body = json::serialize(BodyOf(options));
  const auto answer = Call(
      client, {"POST", fmt::format("/v1/groups/{}/reset", EncodeQueryValue(options.group)), "application/json", body});
  if (!answer) return Report(answer.error());
  if (context.output != OutputFormat::kTable) {
    Print(FormatJson(*answer) + "\n");
    return kOk;
  }
  const json::object& plan = answer->get_object();
  std::vector<std::vector<std::string>> rows;
  bool known = false;  // whether the group has been in this topic before
  for (const json::value& item : ArrayAt(plan, "partitions")) {
    if (!item.is_object()) continue;
    const json::object& partition = item.get_object();
    known |= !NumberText(partition, "from", "").empty();
    rows.push_back({TextAt(plan, "topic"), NumberText(partition, "partition"), NumberText(partition, "from"),
                    NumberText(partition, "to")});
  }
  Print(FormatTable({"TOPIC", "PARTITION", "FROM", "TO"}, rows, TableWidth()));
  if (options.execute) return kOk;
  const int64_t members = IntegerAt(plan, "members");
  if (members > 0) {
    Complain(fmt::format("nothing was changed, and cannot be while the group has {} members", members));
  } else if (!known) {
    Complain(fmt::format("nothing was changed: no group {} has read this so far; --execute lets it begin here",
                         options.group));
  } else {
    Complain("nothing was changed: --execute does it");
  }
  return kOk;
}

const CLI::Validator& IsTopicPartition() {
  static const CLI::Validator validator(
      [](std::string& text) {
        const size_t colon = text.find(':');
        if (colon == std::string::npos) return text.empty() ? std::string("a topic has a name") : std::string();
        const std::string number = text.substr(colon + 1);
        const bool good = colon > 0 && !number.empty() && number.size() < 10 &&
                          number.find_first_not_of("0123456789") == std::string::npos;
        return good ? std::string() : "'" + text + "' is not TOPIC or TOPIC:PARTITION";
      },
      "");
  return validator;
}

CommandBody DeclareReset(CLI::App& app) {
  auto options = std::make_shared<ResetOptions>();
  app.add_option("GROUP", options->group, "The group's name")->required();
  app.add_option("--topic", options->topic, "The topic, or one partition of it")
      ->type_name("T[:P]")
      ->required()
      ->check(IsTopicPartition());
  auto* to = app.add_option_group("Where to", "One of these:");
  to->add_flag("--to-earliest", options->earliest, "The first message kept");
  to->add_flag("--to-latest", options->latest, "The end: only what comes from now on");
  to->add_option("--to-offset", options->offset, "This offset")->type_name("N")->check(CLI::NonNegativeNumber);
  to->add_option("--to-datetime", options->time,
                 "The first message at or after this time: 2026-01-15T10:30:00Z, or 15m for a quarter of an hour ago")
      ->type_name("T")
      ->transform(TimeOf);
  to->require_option(1);
  app.add_flag("--execute", options->execute, "Do it; without, only show what would change");
  return [options](const Context& context) { return Reset(*options, context); };
}

}  // namespace

Command GroupsResetCommand() {
  return {"groups reset", "Move where a group without members goes on",
          "  millrace groups reset embedding-workers --topic document-uploads --to-earliest\n"
          "  millrace groups reset readers --topic document-uploads:0 --to-datetime 2026-01-15T10:30:00Z --execute\n",
          DeclareReset};
}

}  // namespace millrace::cli
