#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <functional>
#include <memory>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/confirm.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

std::string PathOf(const std::string& topic) { return "/v1/topics/" + EncodeQueryValue(topic); }

int ListTopics(const Context& context) {
  HttpClient client(context.connection);
  const auto answer = Call(client, {"GET", "/v1/topics"});
  if (!answer) return Report(answer.error());
  JsonItems items(context.output);
  std::vector<std::vector<std::string>> rows;
  for (const json::value& item : ArrayAt(answer->get_object(), "topics")) {
    if (!item.is_object()) continue;
    if (context.output != OutputFormat::kTable) {
      items.Add(FormatJson(item));
      continue;
    }
    const json::object& topic = item.get_object();
    rows.push_back({TextAt(topic, "name"), NumberText(topic, "partitions"), NumberText(topic, "replication"),
                    NumberText(topic, "in_sync"), NumberText(topic, "messages")});
  }
  if (context.output != OutputFormat::kTable) {
    items.Finish();
  } else {
    Print(FormatTable({"NAME", "PARTITIONS", "REPLICATION", "IN SYNC", "MESSAGES"}, rows, TableWidth()));
  }
  return kOk;
}

std::string Brokers(const json::object& partition, std::string_view member) {
  std::string text;
  for (const json::value& broker : ArrayAt(partition, member)) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", FormatJson(broker));
  }
  return text;
}

std::string FormatTopic(const json::object& topic) {
  std::string text = fmt::format("name         {}\npartitions   {}\nreplication  {}\nmessages     {}\n",
                                 EscapeControls(TextAt(topic, "name")), NumberText(topic, "partitions"),
                                 NumberText(topic, "replication"), NumberText(topic, "messages"));
  for (const auto& [key, value] : ObjectAt(topic, "config")) {
    text += fmt::format("config       {}={}\n", EscapeControls(std::string_view(key)),
                        EscapeControls(value.is_string() ? std::string(value.get_string()) : FormatJson(value)));
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::value& item : ArrayAt(topic, "layout")) {
    if (!item.is_object()) continue;
    const json::object& partition = item.get_object();
    rows.push_back({NumberText(partition, "partition"), NumberText(partition, "low"), NumberText(partition, "high"),
                    NumberText(partition, "leader", "none"), Brokers(partition, "replicas"),
                    Brokers(partition, "in_sync")});
  }
  return text + "\n" + FormatTable({"PARTITION", "START", "END", "LEADER", "REPLICAS", "IN SYNC"}, rows, TableWidth());
}

/// What all but list have in common: a request, and an answer that people read as `show` writes it.
int SendAndShow(const Request& request, const std::function<std::string(const json::object&)>& show,
                const Context& context) {
  HttpClient client(context.connection);
  const auto answer = Call(client, request);
  if (!answer) return Report(answer.error());
  if (context.output != OutputFormat::kTable) {
    Print(FormatJson(*answer) + "\n");
  } else {
    Print(show(answer->get_object()));
  }
  return kOk;
}

struct TopicOptions {
  std::string name;
  int partitions = 0, replication = 1;
  std::vector<std::string> config;
  bool yes = false, force = false;
};

/// `k=v` each; `k=` with `removal` takes the entry back to its default.
json::object ConfigOf(const std::vector<std::string>& entries, bool removal) {
  json::object config;
  for (const std::string& entry : entries) {
    const size_t equals = entry.find('=');
    const std::string value = entry.substr(equals + 1);
    config[entry.substr(0, equals)] = removal && value.empty() ? json::value(nullptr) : json::value(value);
  }
  return config;
}

int Create(const TopicOptions& options, const Context& context) {
  const json::object body = {{"name", options.name},
                             {"partitions", options.partitions},
                             {"replication", options.replication},
                             {"config", ConfigOf(options.config, false)}};
  const std::string text = json::serialize(body);
  const auto show = [&](const json::object&) {
    return fmt::format("created {} with {} partition{}\n", EscapeControls(options.name), options.partitions,
                       options.partitions == 1 ? "" : "s");
  };
  return SendAndShow({"POST", "/v1/topics", "application/json", text}, show, context);
}

int Alter(const TopicOptions& options, const Context& context) {
  json::object body;
  if (options.partitions > 0) body["partitions"] = options.partitions;
  if (!options.config.empty()) body["config"] = ConfigOf(options.config, true);
  if (body.empty()) {
    Complain("millrace topics alter: what shall change? Give --partitions or --config");
    return kUsage;
  }
  const std::string text = json::serialize(body);
  return SendAndShow({"PATCH", PathOf(options.name), "application/json", text}, FormatTopic, context);
}

int DeleteTopic(const TopicOptions& options, const Context& context) {
  const std::string question = fmt::format("Delete topic {} and all of its messages?", options.name);
  if (!options.yes && !Confirm("millrace topics delete", question)) return kUsage;
  const auto show = [&](const json::object&) { return fmt::format("deleted {}\n", EscapeControls(options.name)); };
  return SendAndShow({"DELETE", PathOf(options.name) + (options.force ? "?force=true" : "")}, show, context);
}

int EmptyTopic(const TopicOptions& options, const Context& context) {
  const std::string question = fmt::format("Remove all messages of topic {}, read or not?", options.name);
  if (!options.yes && !Confirm("millrace topics empty", question)) return kUsage;
  const auto show = [&](const json::object& answer) {
    const int64_t removed = IntegerAt(answer, "removed");
    return fmt::format("emptied {} of {} message{}\n", EscapeControls(options.name), removed, removed == 1 ? "" : "s");
  };
  return SendAndShow({"DELETE", PathOf(options.name) + "/messages" + (options.force ? "?force=true" : "")}, show,
                     context);
}

const CLI::Validator& IsEntry() {
  static const CLI::Validator validator(
      [](std::string& text) {
        const size_t equals = text.find('=');
        return equals == std::string::npos || equals == 0 ? "'" + text + "' is not of the form k=v" : std::string();
      },
      "");
  return validator;
}

void AddName(CLI::App& app, TopicOptions& options) {
  app.add_option("NAME", options.name, "The topic's name")->required()->check([](const std::string& name) {
    return name.empty() ? std::string("a topic has a name") : std::string();
  });
}

void AddConfig(CLI::App& app, TopicOptions& options, const std::string& help) {
  app.add_option("--config", options.config, help)->type_name("K=V")->allow_extra_args(false)->check(IsEntry());
}

CommandBody DeclareTopicList(CLI::App&) { return ListTopics; }

CommandBody DeclareCreate(CLI::App& app) {
  auto options = std::make_shared<TopicOptions>();
  options->partitions = 3;
  AddName(app, *options);
  app.add_option("-p,--partitions", options->partitions, "How many partitions")->type_name("N")->capture_default_str();
  app.add_option("-r,--replication", options->replication, "How many copies of each")
      ->type_name("N")
      ->capture_default_str();
  AddConfig(app, *options, "Configuration, such as retention.ms=86400000; may be repeated");
  return [options](const Context& context) { return Create(*options, context); };
}

CommandBody DeclareDescribe(CLI::App& app) {
  auto options = std::make_shared<TopicOptions>();
  AddName(app, *options);
  return [options](const Context& context) {
    return SendAndShow({"GET", PathOf(options->name)}, FormatTopic, context);
  };
}

CommandBody DeclareAlter(CLI::App& app) {
  auto options = std::make_shared<TopicOptions>();
  AddName(app, *options);
  app.add_option("-p,--partitions", options->partitions, "How many partitions from now on; more than now")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  AddConfig(app, *options, "An entry to change, K= back to its default; may be repeated");
  return [options](const Context& context) { return Alter(*options, context); };
}

void AddConsent(CLI::App& app, TopicOptions& options) {
  app.add_flag("-y,--yes", options.yes, "Do not ask");
  app.add_flag("--force", options.force, "Even one that Millrace works with");
}

CommandBody DeclareEmpty(CLI::App& app) {
  auto options = std::make_shared<TopicOptions>();
  AddName(app, *options);
  AddConsent(app, *options);
  return [options](const Context& context) { return EmptyTopic(*options, context); };
}

CommandBody DeclareTopicDelete(CLI::App& app) {
  auto options = std::make_shared<TopicOptions>();
  AddName(app, *options);
  AddConsent(app, *options);
  return [options](const Context& context) { return DeleteTopic(*options, context); };
}

}  // namespace

Command TopicsListCommand() {
  return {"topics list", "List topics", "  millrace topics list\n  millrace topics list -o jsonl | jq -r .name\n",
          DeclareTopicList};
}

Command TopicsCreateCommand() {
  return {"topics create", "Create a topic", "  millrace topics create greetings -p 3 --config retention.ms=86400000\n",
          DeclareCreate};
}

Command TopicsDescribeCommand() {
  return {"topics describe", "Show a topic: configuration, offsets, leader and replicas of each partition",
          "  millrace topics describe document-uploads\n", DeclareDescribe};
}

Command TopicsAlterCommand() {
  return {"topics alter", "Add partitions to a topic, or change its configuration",
          "  millrace topics alter document-uploads -p 6\n  millrace topics alter greetings --config retention.ms=\n",
          DeclareAlter};
}

Command TopicsEmptyCommand() {
  return {"topics empty", "Remove all messages of a topic; offsets go on where they were",
          "  millrace topics empty greetings --yes\n", DeclareEmpty};
}

Command TopicsDeleteCommand() {
  return {"topics delete", "Delete a topic with its messages", "  millrace topics delete greetings --yes\n",
          DeclareTopicDelete};
}

}  // namespace millrace::cli
