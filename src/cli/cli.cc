#include "cli/cli.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <map>

#include "base/version.h"
#include "cli/command.h"
#include "cli/exit_code.h"

namespace millrace::cli {
namespace {

struct Globals {
  std::string server = "http://127.0.0.1:8000";
  std::string api_key, api_key_file;
  OutputFormat output = OutputFormat::kTable;
};

std::vector<Command> ClientCommands() {
  return {IngestCommand(),           SearchCommand(),          DocumentsListCommand(),
          DocumentsShowCommand(),    DocumentsChunksCommand(), DocumentsVersionsCommand(),
          DocumentsContentCommand(), DocumentsDeleteCommand(), TopicsListCommand(),
          TopicsCreateCommand(),     TopicsDescribeCommand(),  TopicsAlterCommand(),
          TopicsEmptyCommand(),      TopicsDeleteCommand(),    GroupsListCommand(),
          GroupsDescribeCommand(),   GroupsLagCommand(),       GroupsResetCommand(),
          GroupsDeleteCommand(),     ProduceCommand(),         ConsumeCommand(),
          DlqListCommand(),          DlqShowCommand(),         DlqRedriveCommand(),
          DlqEditCommand(),          DlqExportCommand(),       DlqPurgeCommand(),
          ReindexCommand(),          ReplayCommand(),          StatusCommand(),
          AnalyticsCommand(),        ConfigCommand(),          VersionCommand()};
}

std::string ListCommands(const std::vector<Command>& commands, std::span<const OutsideCommand> outside) {
  std::string text;
  for (const auto& command : outside) text += fmt::format("  {:<18} {}\n", command.name, command.summary);
  for (const auto& command : commands) text += fmt::format("  {:<18} {}\n", command.name, command.summary);
  return text;
}

std::string ProgramHelp(const std::vector<Command>& commands, std::span<const OutsideCommand> outside) {
  return fmt::format(
      "millrace {}: search over your documents\n\n"
      "Usage: millrace COMMAND [OPTIONS]\n\n"
      "Commands:\n{}\n"
      "Options of the commands that ask a server:\n"
      "  --server URL         the server (default http://127.0.0.1:8000; MILLRACE_SERVER)\n"
      "  --api-key KEY        its key (MILLRACE_API_KEY); better --api-key-file FILE\n"
      "  -o table|json|jsonl  how to print (default table)\n\n"
      "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 partly\n\n"
      "Example:\n  millrace serve &\n  millrace ingest docs/\n  millrace search how do I start\n\n"
      "`millrace COMMAND --help` says more.\n",
      base::kVersion, ListCommands(commands, outside));
}

void AddGlobals(CLI::App& app, Globals& globals) {
  static const std::map<std::string, OutputFormat> kFormats = {
      {"table", OutputFormat::kTable}, {"json", OutputFormat::kJson}, {"jsonl", OutputFormat::kJsonLines}};
  app.add_option("--server", globals.server, "The server")
      ->envname("MILLRACE_SERVER")
      ->type_name("URL")
      ->capture_default_str();
  auto* key =
      app.add_option("--api-key", globals.api_key, "Its API key")->envname("MILLRACE_API_KEY")->type_name("KEY");
  app.add_option("--api-key-file", globals.api_key_file, "A file that holds the API key")
      ->type_name("FILE")
      ->excludes(key);
  const bool taken = app.get_option_no_throw("-o") != nullptr;  // `consume -o end`, as Kafka's tools have it
  app.add_option(taken ? "--output" : "-o,--output", globals.output, "How to print: table, json or jsonl")
      ->type_name("FORMAT")
      ->transform(CLI::CheckedTransformer(kFormats).description(""));
}

base::Result<std::string> ReadKeyFile(const std::string& path) {
  std::ifstream file(path);
  std::string key;
  if (!file || !(file >> key)) {
    return base::Error{base::Code::kInvalidArgument, fmt::format("--api-key-file {}: no key in it", path), {}};
  }
  return key;
}

base::Result<Connection> Connect(const Globals& globals) {
  Connection connection{globals.server, globals.api_key};
  if (!globals.api_key_file.empty()) {
    ASSIGN_OR_RETURN(connection.api_key, ReadKeyFile(globals.api_key_file));
  }
  const auto is_control = [](unsigned char c) { return c <= ' ' || c == 0x7F; };
  if (std::any_of(connection.api_key.begin(), connection.api_key.end(), is_control)) {
    return base::Error{base::Code::kInvalidArgument, "the API key holds a space or a control character", {}};
  }
  while (connection.url.ends_with('/')) connection.url.pop_back();
  const bool http = connection.url.starts_with("http://") || connection.url.starts_with("https://");
  if (!http || std::any_of(connection.url.begin(), connection.url.end(), is_control)) {
    return base::Error{base::Code::kInvalidArgument,
                       fmt::format("--server {}: expected a URL such as http://127.0.0.1:8000", globals.server),
                       {}};
  }
  return connection;
}

int UsageError(const std::string& who, const std::string& message) {
  Complain(fmt::format("{}: {} (see `{} --help`)", who, message, who));
  return kUsage;
}

// CLI11 takes an argument such as `[slug]` for a list. The shield keeps it whole on its way to the option.
constexpr char kShield = '\x01';

void ShieldBrackets(std::vector<std::string>& arguments) {
  for (auto& argument : arguments) {
    if (argument.starts_with('[') && argument.ends_with(']')) argument.insert(0, 1, kShield);
  }
}

void TakeShieldsOff(CLI::App& app) {
  const auto take_off = [](std::string& value) {
    if (value.starts_with(kShield)) value.erase(0, 1);
    return std::string();
  };
  for (CLI::Option* option : app.get_options()) {
    if (option->get_type_size() > 0) option->transform(CLI::Validator(take_off, ""));
  }
}

int RunCommand(const Command& command, std::vector<std::string> arguments) {
  const std::string who = fmt::format("millrace {}", command.name);
  CLI::App app(std::string(command.summary), who);
  app.footer(fmt::format("Example:\n{}", command.example));
  Globals globals;
  const CommandBody body = command.declare(app);
  AddGlobals(app, globals);
  TakeShieldsOff(app);
  ShieldBrackets(arguments);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    Print(app.help());
    return kOk;
  } catch (const CLI::ParseError& error) {
    return UsageError(who, error.what());
  }
  const auto connection = Connect(globals);
  if (!connection) return UsageError(who, connection.error().message);
  return body({*connection, globals.output});
}

/// The place of the command's name: the first argument that is neither an option nor an option's value.
size_t FindCommand(const std::vector<std::string>& arguments, size_t from) {
  static const std::vector<std::string> kWithValue = {"--server", "--api-key", "--api-key-file", "-o", "--output"};
  size_t at = from;
  while (at < arguments.size() && arguments[at].starts_with('-')) {
    at += std::find(kWithValue.begin(), kWithValue.end(), arguments[at]) == kWithValue.end() ? 1 : 2;
  }
  return std::min(at, arguments.size());
}

bool Contains(const std::vector<std::string>& arguments, std::initializer_list<const char*> any) {
  return std::find_first_of(arguments.begin(), arguments.end(), any.begin(), any.end()) != arguments.end();
}

int Dispatch(std::vector<std::string> arguments, std::span<const OutsideCommand> outside) {
  const std::vector<Command> commands = ClientCommands();
  const size_t at = FindCommand(arguments, 0);
  if (at == arguments.size()) {
    if (arguments.empty() || Contains(arguments, {"-h", "--help"})) {
      Print(ProgramHelp(commands, outside));
      return arguments.empty() ? kUsage : kOk;
    }
    if (Contains(arguments, {"--version"})) {
      Print(fmt::format("millrace {}\n", base::kVersion));
      return kOk;
    }
    return UsageError("millrace", fmt::format("no command after {}", arguments.back()));
  }
  std::string name = arguments[at];
  arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(at));
  for (const auto& command : outside) {
    if (command.name == name) return command.run(arguments);
  }
  if (name == "help") {
    Print(ProgramHelp(commands, outside));
    return kOk;
  }
  std::vector<Command> group;
  std::copy_if(commands.begin(), commands.end(), std::back_inserter(group),
               [&](const Command& command) { return command.name.starts_with(name + " "); });
  if (!group.empty()) {
    const size_t verb = FindCommand(arguments, at);
    if (verb == arguments.size()) {
      const bool help = Contains(arguments, {"-h", "--help"});
      if (!help) return UsageError(fmt::format("millrace {}", name), "what shall it do?");
      Print(fmt::format("Usage: millrace {} COMMAND [OPTIONS]\n\nCommands:\n{}\nExample:\n{}", name,
                        ListCommands(group, {}), group.front().example));
      return kOk;
    }
    name += " " + arguments[verb];
    arguments.erase(arguments.begin() + static_cast<std::ptrdiff_t>(verb));
  }
  for (const auto& command : commands) {
    if (command.name == name) return RunCommand(command, std::move(arguments));
  }
  return UsageError("millrace", fmt::format("unknown command \"{}\"", name));
}

}  // namespace

int Run(int argc, char** argv, std::span<const OutsideCommand> outside) {
  std::signal(SIGPIPE, SIG_IGN);  // a lost connection is an error to handle; Print() sees a reader that has gone
  const int code = Dispatch({argv + std::min(argc, 1), argv + argc}, outside);
  FlushOutput();
  return code;
}

}  // namespace millrace::cli
