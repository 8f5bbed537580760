#include "main/config.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

namespace millrace::app {
namespace {

/// Reads text into a member; what was expected when the text does not fit.
using Setter = std::function<std::optional<std::string>(Config&, const std::string&)>;
using Getter = std::function<std::string(const Config&)>;

struct Setting {
  std::string name;  // snake_case: the TOML key; `--snake-case`; MILLRACE_SNAKE_CASE
  std::string help;
  bool is_switch = false;
  Setter set;
  Getter get;
};

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `10MB`, `512KB`, `1GB` or plain bytes; powers of 1024.
std::optional<std::int64_t> ParseBytes(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  std::int64_t unit = 1;
  for (const auto& [suffix, size] : {std::pair{"KB", 1LL << 10}, {"MB", 1LL << 20}, {"GB", 1LL << 30}}) {
    if (text.size() > 2 && text.ends_with(suffix)) {
      unit = size;
      text.resize(text.size() - 2);
      break;
    }
  }
  const auto number = ParseInteger(text);
  if (!number || *number < 0 || *number > (std::int64_t{1} << 40) / unit) return std::nullopt;
  return *number * unit;
}

Setting Text(std::string name, std::string help, std::string Config::*member) {
  return {std::move(name), std::move(help), false,
          [member](Config& config, const std::string& text) -> std::optional<std::string> {
            config.*member = text;
            return std::nullopt;
          },
          [member](const Config& config) { return config.*member; }};
}

Setting Choice(std::string name, std::string help, std::string Config::*member, std::vector<std::string> choices) {
  return {std::move(name), std::move(help), false,
          [member, choices](Config& config, const std::string& text) -> std::optional<std::string> {
            if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
              std::string expected = "one of";
              for (const auto& choice : choices) expected += " " + choice;
              return expected;
            }
            config.*member = text;
            return std::nullopt;
          },
          [member](const Config& config) { return config.*member; }};
}

Setting Number(std::string name, std::string help, std::int64_t Config::*member, std::int64_t least,
               std::int64_t most) {
  return {std::move(name), std::move(help), false,
          [=](Config& config, const std::string& text) -> std::optional<std::string> {
            const auto value = ParseInteger(text);
            if (!value || *value < least || *value > most)
              return fmt::format("a whole number from {} to {}", least, most);
            config.*member = *value;
            return std::nullopt;
          },
          [member](const Config& config) { return std::to_string(config.*member); }};
}

Setting Bytes(std::string name, std::string help, std::int64_t Config::*member, std::int64_t least, std::int64_t most) {
  return {std::move(name), std::move(help), false,
          [=](Config& config, const std::string& text) -> std::optional<std::string> {
            const auto value = ParseBytes(text);
            if (!value || *value < least || *value > most) {
              return fmt::format("a size such as 10MB, from {} to {} bytes", least, most);
            }
            config.*member = *value;
            return std::nullopt;
          },
          [member](const Config& config) { return std::to_string(config.*member); }};
}

Setting Switch(std::string name, std::string help, bool Config::*member) {
  return {std::move(name), std::move(help), true,
          [member](Config& config, const std::string& text) -> std::optional<std::string> {
            if (text != "true" && text != "false" && text != "1" && text != "0") return "true or false";
            config.*member = text == "true" || text == "1";
            return std::nullopt;
          },
          [member](const Config& config) { return std::string(config.*member ? "true" : "false"); }};
}

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings = {
      Text("data", "directory of the store", &Config::data),
      Text("listen", "HOST:PORT to listen on", &Config::listen),
      Switch("ephemeral", "keep everything in memory and lose it at the end", &Config::ephemeral),
      Switch("embedded", "ignore KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST", &Config::embedded),
      Choice("model", "minilm, or test: deterministic, needs no files", &Config::model, {"minilm", "test"}),
      Choice("precision", "float32, or int8: about twice as fast", &Config::precision, {"float32", "int8"}),
      Text("assets", "directory with runtime/ and model/", &Config::assets),
      Number("threads", "embedding threads; 0: one per core", &Config::threads, 0, 256),
      Bytes("max_request_bytes", "largest request body", &Config::max_request_bytes, 1024, std::int64_t{1} << 30),
      Number("max_connections", "connections at once", &Config::max_connections, 1, 100'000),
      Number("http_workers", "requests worked on at once", &Config::http_workers, 1, 1024),
      Number("max_backlog", "undelivered messages beyond which accepting answers 503", &Config::max_backlog, 1,
             std::int64_t{1} << 40),
      Number("drain_seconds", "time to finish at SIGTERM", &Config::drain_seconds, 0, 3600),
      Text("api_keys", "file of API keys: KEY read|write|admin", &Config::api_keys),
      Text("allowed_hosts", "names /v1 answers to, comma-separated", &Config::allowed_hosts),
      Text("cors_origin", "origin allowed on the contract's routes", &Config::cors_origin),
      Choice("log_level", "debug, info, warning, error", &Config::log_level, {"debug", "info", "warning", "error"}),
  };
  return settings;
}

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
  Loader() {
    loaded_.config.data = DefaultDataDirectory();
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
      const std::string variable = VariableOf(setting);
      if (const char* value = std::getenv(variable.c_str())) Set(setting, value, "environment", variable);
    }
  }

  /// The contract's variables decide between embedded and cluster mode (ARCHITECTURE §7).
  void CheckMode() {
    if (loaded_.config.embedded) return;
    const bool kafka = IsSet("KAFKA_BOOTSTRAP_SERVERS"), mysql = IsSet("MYSQL_HOST");
    if (kafka && mysql) {
      loaded_.problems.push_back(
          "KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST ask for cluster mode, which this version does not have yet: pass "
          "--embedded to keep everything in this process");
    } else if (kafka || mysql) {
      loaded_.problems.push_back(fmt::format("{} is set without {}: set both for cluster mode, or pass --embedded",
                                             kafka ? "KAFKA_BOOTSTRAP_SERVERS" : "MYSQL_HOST",
                                             kafka ? "MYSQL_HOST" : "KAFKA_BOOTSTRAP_SERVERS"));
    }
  }

  LoadedConfig Finish() {
    for (const Setting& setting : Settings()) {
      loaded_.settings.push_back({setting.name, setting.get(loaded_.config), sources_[setting.name]});
    }
    return std::move(loaded_);
  }

  LoadedConfig& loaded() { return loaded_; }

 private:
  static bool IsSet(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr && *value != '\0';
  }

  LoadedConfig loaded_;
  std::map<std::string, std::string> sources_;
};

}  // namespace

LoadedConfig LoadConfig(const std::vector<std::string>& arguments) {
  CLI::App app("Runs the server: HTTP API, pipeline and index in one process.", "millrace serve");
  app.footer(
      "Every setting can also stand in the file (setting = value) or the environment (MILLRACE_SETTING);\n"
      "a flag wins over the environment, the environment over the file.\n\n"
      "Example:\n  millrace serve --data ./library --listen 127.0.0.1:8000");
  std::string file;
  if (const char* variable = std::getenv("MILLRACE_CONFIG")) file = variable;
  app.add_option("--config", file, "TOML file with settings");
  std::map<std::string, std::string> flags;
  for (const Setting& setting : Settings()) {
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

  Loader loader;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    loader.loaded().help = true;
    loader.loaded().help_text = app.help();
    return loader.Finish();
  } catch (const CLI::ParseError& error) {
    loader.loaded().problems.push_back(std::string(error.what()) + " (millrace serve --help lists the flags)");
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
