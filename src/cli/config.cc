#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/table.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

int ShowConfig(const Context& context) {
  HttpClient client(context.connection);
  const auto answer = Call(client, {"GET", "/v1/config"});
  if (!answer) return Report(answer.error());
  const json::value* settings = answer->get_object().if_contains("settings");
  if (settings == nullptr || !settings->is_array()) {
    return Report({base::Code::kCorrupt, "the server's answer holds no settings", {}});
  }
  JsonItems items(context.output);
  std::vector<std::vector<std::string>> rows;
  for (const json::value& item : settings->get_array()) {
    if (context.output != OutputFormat::kTable) {
      items.Add(FormatJson(item));
    } else if (item.is_object()) {
      const json::object& setting = item.get_object();
      const json::value* value = setting.if_contains("value");
      const bool text = value == nullptr || value->is_string();
      rows.push_back(
          {TextAt(setting, "name"), text ? TextAt(setting, "value") : FormatJson(*value), TextAt(setting, "source")});
    }
  }
  if (context.output != OutputFormat::kTable) {
    items.Finish();
  } else {
    Print(FormatTable({"NAME", "VALUE", "SOURCE"}, rows, TableWidth()));
  }
  return kOk;
}

}  // namespace

Command ConfigCommand() {
  return {"config", "Show the server's settings and where each comes from", "  millrace config\n",
          [](CLI::App&) -> CommandBody { return ShowConfig; }};
}

}  // namespace millrace::cli
