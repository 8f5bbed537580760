#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string PathOf(const std::string& group) { return "/v1/groups/" + EncodeQueryValue(group); }

int ListGroups(const Context& context) {
  HttpClient client(context.connection);
  const auto answer = Call(client, {"GET", "/v1/groups"});
  if (!answer) return Report(answer.error());
  JsonItems items(context.output);
  Rows rows;
  for (const json::value& item : ArrayAt(answer->get_object(), "groups")) {
    if (context.output != OutputFormat::kTable) {
      items.Add(FormatJson(item));
    } else if (item.is_object()) {
      rows.push_back({TextAt(item.get_object(), "name"), TextAt(item.get_object(), "state")});
    }
  }
  if (context.output != OutputFormat::kTable) {
    items.Finish();
  } else {
    Print(FormatTable({"NAME", "STATE"}, rows, TableWidth()));
  }
  return kOk;
}

/// The id of the member that reads a partition, "-" when nobody does.
std::string OwnerOf(const json::object& group, const json::object& partition) {
  for (const json::value& item : ArrayAt(group, "members")) {
    if (!item.is_object()) continue;
    for (const json::value& held : ArrayAt(item.get_object(), "partitions")) {
      const bool same = held.is_object() && TextAt(held.get_object(), "topic") == TextAt(partition, "topic") &&
                        IntegerAt(held.get_object(), "partition") == IntegerAt(partition, "partition");
      if (same) return TextAt(item.get_object(), "id");
    }
  }
  return "-";
}

void AddPartitionRows(const json::object& group, Rows& rows) {
  for (const json::value& item : ArrayAt(group, "partitions")) {
    if (!item.is_object()) continue;
    const json::object& partition = item.get_object();
    rows.push_back({TextAt(group, "name"), TextAt(partition, "topic"), NumberText(partition, "partition"),
                    NumberText(partition, "committed"), NumberText(partition, "end"), NumberText(partition, "lag"),
                    OwnerOf(group, partition)});
  }
}

std::string FormatPartitions(const Rows& rows) {
  return FormatTable({"GROUP", "TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER"}, rows, TableWidth());
}

std::string FormatGroup(const json::object& group) {
  std::string text = fmt::format("name   {}\nstate  {}\nlag    {}\n", EscapeControls(TextAt(group, "name")),
                                 EscapeControls(TextAt(group, "state")), NumberText(group, "lag"));
  Rows members;
  for (const json::value& item : ArrayAt(group, "members")) {
    if (!item.is_object()) continue;
    const json::object& member = item.get_object();
    members.push_back({TextAt(member, "id"), TextAt(member, "client"), TextAt(member, "host"),
                       std::to_string(ArrayAt(member, "partitions").size())});
  }
  if (!members.empty()) {
    text += "\n" + FormatTable({"MEMBER", "CLIENT", "HOST", "PARTITIONS"}, members, TableWidth());
  }
  Rows rows;
  AddPartitionRows(group, rows);
  return rows.empty() ? text : text + "\n" + FormatPartitions(rows);
}

int Describe(const std::string& name, const Context& context) {
  HttpClient client(context.connection);
  const auto answer = Call(client, {"GET", PathOf(name)});
  if (!answer) return Report(answer.error());
  Print(context.output == OutputFormat::kTable ? FormatGroup(answer->get_object()) : FormatJson(*answer) + "\n");
  return kOk;
}

/// One group, or all of them. A group that goes between the two calls is left out.
base::Result<std::vector<json::object>> FetchGroups(HttpClient& client, const std::string& only) {
  std::vector<std::string> names = {only};
  if (only.empty()) {
    names.clear();
    ASSIGN_OR_RETURN(const json::value listed, Call(client, {"GET", "/v1/groups"}));
    for (const json::value& item : ArrayAt(listed.get_object(), "groups")) {
      if (item.is_object()) names.push_back(TextAt(item.get_object(), "name"));
    }
  }
  std::vector<json::object> groups;
  for (const std::string& name : names) {
    auto group = Call(client, {"GET", PathOf(name)});
    if (!group && only.empty() && group.error().code == base::Code::kNotFound) continue;
    if (!group) return group.error();
    groups.push_back(group->get_object());
  }
  return groups;
}

int Lag(const std::string& only, bool watch, const Context& context) {
  HttpClient client(context.connection);
  const bool redraw = watch && context.output == OutputFormat::kTable && isatty(STDOUT_FILENO) == 1;
  while (true) {
    const auto groups = FetchGroups(client, only);
    if (!groups) return Report(groups.error());
    if (redraw) Print("\x1b[H\x1b[2J");
    JsonItems items(context.output);
    Rows rows;
    for (const json::object& group : *groups) {
      AddPartitionRows(group, rows);
      if (context.output != OutputFormat::kTable) items.Add(FormatJson(group));
    }
    if (context.output != OutputFormat::kTable) {
      items.Finish();
    } else {
      Print(FormatPartitions(rows));
    }
    if (!watch) return kOk;
    FlushOutput();
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

int DeleteGroup(const std::string& name, bool yes, const Context& context) {
  const std::string question = fmt::format("Delete group {} and where it had got to?", name);
  if (!yes && !Confirm("millrace groups delete", question)) return kUsage;
  HttpClient client(context.connection);
  const auto answer = Call(client, {"DELETE", PathOf(name)});
  if (!answer) return Report(answer.error());
  Print(context.output == OutputFormat::kTable ? fmt::format("deleted {}\n", EscapeControls(name))
                                               : FormatJson(*answer) + "\n");
  return kOk;
}

CommandBody DeclareGroupList(CLI::App&) { return ListGroups; }

CommandBody DeclareDescribe(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("GROUP", *name, "The group's name")->required();
  return [name](const Context& context) { return Describe(*name, context); };
}

CommandBody DeclareLag(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  auto watch = std::make_shared<bool>(false);
  app.add_option("GROUP", *name, "Only this group");
  app.add_flag("-w,--watch", *watch, "Every second, until interrupted");
  return [name, watch](const Context& context) { return Lag(*name, *watch, context); };
}

CommandBody DeclareGroupDelete(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  app.add_option("GROUP", *name, "The group's name")->required();
  app.add_flag("-y,--yes", *yes, "Do not ask");
  return [name, yes](const Context& context) { return DeleteGroup(*name, *yes, context); };
}

}  // namespace

Command GroupsListCommand() {
  return {"groups list", "List consumer groups", "  millrace groups list\n", DeclareGroupList};
}

Command GroupsDescribeCommand() {
  return {"groups describe", "Show a group: members, committed offsets and lag",
          "  millrace groups describe embedding-workers\n", DeclareDescribe};
}

Command GroupsLagCommand() {
  return {"groups lag", "Show how far groups are behind",
          "  millrace groups lag\n  millrace groups lag embedding-workers --watch\n", DeclareLag};
}

Command GroupsDeleteCommand() {
  return {"groups delete", "Delete a group without members", "  millrace groups delete old-readers --yes\n",
          DeclareGroupDelete};
}

}  // namespace millrace::cli
