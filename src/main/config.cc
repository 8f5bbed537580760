#include "main/config.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "main/settings.h"

namespace millrace::app {
namespace {

std::string FlagOf(const Setting& setting) {
  std::string flag = "--" + setting.name;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string VariableOf(const Setting& setting) {
  std::string variable = "MILLRACE_" + setting.name;
  std::transform(variable.begin(), variable.end(), variable.begin(), [](unsigned char c) { return std::toupper(c); });
  return variable;
}

std::string DefaultDataDirectory() {
  if (const char* xdg = std::getenv("XDG_DATA_HOME"); xdg != nullptr && *xdg != '\0')
    return std::string(xdg) + "/millrace";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.local/share/millrace";
  }
  return "millrace-data";
}

/// The settings as they come together: values in force, where each came from, and everything that is wrong.
class Loader {
 public:
  explicit Loader(Command command) : command_(command) {
    loaded_.config.data = DefaultDataDirectory();
    loaded_.config.listen = command == Command::kServe ? "127.0.0.1:8000" : "127.0.0.1:0";
    for (const Setting& setting : Settings()) sources_[setting.name] = "default";
  }

  void Set(const Setting& setting, const std::string& value, const std::string& source, const std::string& where) {
    if (const auto expected = setting.set(loaded_.config, value)) {
      loaded_.problems.push_back(fmt::format("{} is '{}': expected {}", where, value, *expected));
      return;
    }
    sources_[setting.name] = source;
  }

  void ReadFile(const std::string& path) {
    toml::table table;
    try {
      table = toml::parse_file(path);
    } catch (const toml::parse_error& error) {
      loaded_.problems.push_back(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
      return;
    }
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const auto where = fmt::format("{}:{}: {}", path, node.source().begin.line, name);
      const auto setting =
          std::find_if(Settings().begin(), Settings().end(), [&](const Setting& s) { return s.name == name; });
      if (setting == Settings().end()) {
        loaded_.problems.push_back(where + " is not a setting");
      } else if (const auto text = node.value<std::string>()) {
        Set(*setting, *text, "file", where);
      } else if (node.is_integer()) {
        Set(*setting, std::to_string(*node.value<std::int64_t>()), "file", where);
      } else if (node.is_boolean()) {
        Set(*setting, *node.value<bool>() ? "true" : "false", "file", where);
      } else {
        loaded_.problems.push_back(where + " must be a string, a whole number or true/false");
      }
    }
  }

  void ReadEnvironment() {
    for (const Setting& setting : Settings()) {
      for (const std::string& variable : {setting.variable, VariableOf(setting)}) {
        const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());
        // Compose passes variables on that nobody set as empty ones.
        if (value == nullptr || (*value == '\0' && variable == setting.variable)) continue;
        Set(setting, value, "environment", variable);
      }
    }
  }

  /// Both addresses ask for cluster mode, one alone is a mistake (ARCHITECTURE §7).
  void CheckMode() {
    const Config& config = loaded_.config;
    if (config.embedded) return;
    const bool kafka = !config.kafka_bootstrap_servers.empty(), mysql = !config.mysql_host.empty();
    if (command_ == Command::kWorker && !(kafka && mysql)) {
      loaded_.problems.push_back(
          "a worker needs KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST; without them `millrace serve` does everything "
          "itself");
    } else if (kafka != mysql) {
      loaded_.problems.push_back(fmt::format("{} is set without {}: set both for cluster mode, or pass --embedded",
                                             kafka ? "KAFKA_BOOTSTRAP_SERVERS" : "MYSQL_HOST",
                                             kafka ? "MYSQL_HOST" : "KAFKA_BOOTSTRAP_SERVERS"));
    } else if (kafka && config.ephemeral) {
      loaded_.problems.push_back("ephemeral keeps everything in memory, which a cluster does not: pass --embedded too");
    }
  }

  LoadedConfig Finish() {
    for (const Setting& setting : Settings()) {
      if (!setting.Concerns(command_)) continue;
      const std::string value = setting.get(loaded_.config);
      const bool hide = setting.is_secret && !value.empty();
      loaded_.settings.push_back({setting.name, hide ? "***" : value, sources_[setting.name]});
    }
    return std::move(loaded_);
  }

  LoadedConfig& loaded() { return loaded_; }

 private:
  const Command command_;
  LoadedConfig loaded_;
  std::map<std::string, std::string> sources_;
};

}  // namespace

LoadedConfig LoadConfig(Command command, const std::vector<std::string>& arguments) {
  const std::string name = command == Command::kServe ? "millrace serve" : "millrace worker";
  CLI::App app(command == Command::kServe
                   ? "Runs a server: the HTTP API and the index; without a cluster the pipeline too."
                   : "Runs a worker of a cluster: reads uploads from Kafka, embeds them, stores them in MySQL.",
               name);
  app.footer(
      "Every setting can also stand in the file (setting = value) or the environment (MILLRACE_SETTING);\n"
      "a flag wins over the environment, the environment over the file. KAFKA_BOOTSTRAP_SERVERS and\n"
      "MYSQL_HOST together mean a cluster.\n\nExample:\n  " +
      (command == Command::kServe ? name + " --data ./library --listen 127.0.0.1:8000"
                                  : "MYSQL_HOST=localhost KAFKA_BOOTSTRAP_SERVERS=localhost:9092 " + name));
  std::string file;
  if (const char* variable = std::getenv("MILLRACE_CONFIG")) file = variable;
  app.add_option("--config", file, "TOML file with settings");
  std::map<std::string, std::string> flags;
  for (const Setting& setting : Settings()) {
    if (!setting.Concerns(command)) continue;
    if (setting.is_switch) {
      app.add_flag_callback(
          FlagOf(setting), [&flags, name = setting.name] { flags[name] = "true"; }, setting.help);
    } else {
      app.add_option_function<std::string>(
             FlagOf(setting), [&flags, name = setting.name](const std::string& value) { flags[name] = value; },
             setting.help)
          ->type_name("");
    }
  }

  Loader loader(command);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    loader.loaded().help = true;
    loader.loaded().help_text = app.help();
    return loader.Finish();
  } catch (const CLI::ParseError& error) {
    loader.loaded().problems.push_back(std::string(error.what()) + " (" + name + " --help lists the flags)");
    return loader.Finish();
  }
  if (!file.empty()) loader.ReadFile(file);
  loader.ReadEnvironment();
  for (const Setting& setting : Settings()) {
    if (const auto found = flags.find(setting.name); found != flags.end()) {
      loader.Set(setting, found->second, "flag", FlagOf(setting));
    }
  }
  loader.CheckMode();
  return loader.Finish();
}

}  // namespace millrace::app
