#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::app {

/// Everything `millrace serve` can be told. One table in config.cc names each setting once, for file, environment and
/// flag.
struct Config {
  std::string data;  // directory of the store; default: $XDG_DATA_HOME/millrace or ~/.local/share/millrace
  std::string listen = "127.0.0.1:8000";
  bool ephemeral = false;             // keep everything in memory, lose it at the end
  bool embedded = false;              // ignore KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST
  std::string model = "minilm";       // minilm | test (deterministic, needs no files, for trying out and tests)
  std::string precision = "float32";  // float32 | int8
  std::string assets;                 // directory with runtime/ and model/; default: beside the program, then the cache
  std::int64_t threads = 0;           // embedding threads; 0: one per core
  std::int64_t max_request_bytes = 10 << 20;
  std::int64_t max_connections = 2048;
  std::int64_t http_workers = 64;
  std::int64_t max_backlog = 1'000'000;  // messages accepted and not in the log, beyond which accepting answers 503
  std::int64_t drain_seconds = 20;
  std::string api_keys;       // file of keys; none: everyone may do everything
  std::string allowed_hosts;  // comma-separated names that /v1 answers to beside localhost and the listen host
  std::string cors_origin = "*";
  std::string log_level = "info";  // debug | info | warning | error
};

struct SettingInForce {
  std::string name, value, source;  // source: default, file, environment, flag
};

struct LoadedConfig {
  Config config;
  std::vector<SettingInForce> settings;
  std::vector<std::string> problems;  // all of them, one line each; empty when the configuration holds
  bool help = false;
  std::string help_text;
};

/// From `--config FILE` (TOML), MILLRACE_* variables and flags, later ones winning. `arguments` are those after
/// `serve`.
LoadedConfig LoadConfig(const std::vector<std::string>& arguments);

}  // namespace millrace::app
