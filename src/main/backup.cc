#include "main/backup.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string_view>
#include <thread>

#include "adapters/sqlite/backup.h"
#include "base/deadline.h"
#include "cli/exit_code.h"
#include "cli/progress_line.h"
#include "main/backend.h"
#include "main/config.h"

namespace millrace::app {
namespace {

using cli::kUsage;

/// What both commands can be told. Where the store is comes from the settings of `serve`.
struct Asked {
  std::string file;
  bool replace = false;
  LoadedConfig loaded;
};

int Fail(std::string_view command, const base::Error& error) {
  fmt::print(stderr, "millrace {}: {}\n", command, error.message);
  return cli::ExitCodeOf(error);
}

int Misused(std::string_view command, std::string_view message) {
  fmt::print(stderr, "millrace {}: {}\n", command, message);
  return kUsage;
}

/// Runs `copy` with a line that says how far it is and that is gone afterwards.
template <typename Copy>
auto WithProgress(const Copy& copy) {
  cli::ProgressLine line;
  return copy([&line](std::int64_t done, std::int64_t all) {
    line.Show(fmt::format("copied {} %", all > 0 ? done * 100 / all : 100));
  });
}

/// Parses the arguments, `declare`d ones among them, and runs `body` when they hold. The exit code.
int ParseAndRun(std::string_view command, const std::string& summary, const std::string& example,
                const std::vector<std::string>& arguments, const std::function<void(CLI::App&, Asked&)>& declare,
                const std::function<int(const Asked&)>& body) {
  CLI::App app(summary, fmt::format("millrace {}", command));
  app.footer("Where the store is, `millrace serve` is told: by the same flags, environment and file.\n\nExample:\n" +
             example);
  Asked asked;
  std::string data, config;
  bool embedded = false;
  declare(app, asked);
  CLI::Option* const data_option = app.add_option("--data", data, "Directory of the store");
  CLI::Option* const config_option = app.add_option("--config", config, "TOML file with settings");
  app.add_flag("--embedded", embedded, "Ignore KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST");
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    return Misused(command, fmt::format("{} (see `millrace {} --help`)", error.what(), command));
  }
  std::vector<std::string> settings;
  if (*data_option) settings.insert(settings.end(), {"--data", data});
  if (*config_option) settings.insert(settings.end(), {"--config", config});
  if (embedded) settings.emplace_back("--embedded");
  asked.loaded = LoadConfig(Command::kServe, settings);
  for (const std::string& problem : asked.loaded.problems) Misused(command, problem);
  return asked.loaded.problems.empty() ? body(asked) : kUsage;
}

int RestoreFile(const Asked& asked) {
  const std::string& data = asked.loaded.config.data;
  auto restored = WithProgress([&](const sqlite::CopyProgress& progress) {
    return sqlite::RestoreBackup(asked.file, data, asked.replace, progress);
  });
  if (!restored) {
    base::Error error = std::move(restored).error();
    if (error.field == "replace") error.message += ": --replace puts it aside and keeps it";
    return Fail("restore", error);
  }
  fmt::print("restored {} documents to {}, epoch {}\n", restored->documents, data, restored->identity.epoch);
  if (restored->put_aside) fmt::print("the store that was there is {}\n", restored->put_aside->string());
  return 0;
}

/// Those that ran when the backup was made are in it, until their last heartbeat is too old.
base::Status WaitUntilAlone(core::Instances& instances) {
  const auto deadline = base::Deadline::After(core::kHeartbeatExpiry + core::kHeartbeatInterval);
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<core::Instance> living, instances.List());
    if (living.empty()) return {};
    if (deadline.expired()) {
      return {base::Code::kConflict, fmt::format("a {} works on this database: stop all servers and workers first ({})",
                                                 living.front().role, living.front().url)};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

base::Result<core::StoreIdentity> BeginEpoch(const Config& config) {
  ASSIGN_OR_RETURN(const Backend backend, OpenBackend(config));
  RETURN_IF_ERROR(WaitUntilAlone(backend.instances));
  return backend.store_admin.BeginEpoch();
}

int RestoreCluster(const Asked& asked) {
  const auto identity = BeginEpoch(asked.loaded.config);
  if (!identity) return Fail("restore", identity.error());
  fmt::print("epoch {} begins: start the servers and workers\n", identity->epoch);
  return 0;
}

}  // namespace

int Backup(const std::vector<std::string>& arguments) {
  const auto declare = [](CLI::App& app, Asked& asked) {
    app.add_option("FILE", asked.file, "The new file")->required();
  };
  return ParseAndRun(
      "backup", "Writes an embedded store, as it is at this moment, to a file. Its server may run meanwhile.",
      "  millrace backup --data ./library library-today.db", arguments, declare, [](const Asked& asked) {
        const Config& config = asked.loaded.config;
        if (config.cluster()) {
          return Misused("backup", fmt::format("the documents are in MySQL at {}: back it up with its own tool, such "
                                               "as mysqldump --single-transaction {}; docs/backup.md says how",
                                               config.mysql_host, config.mysql_database));
        }
        const auto bytes = WithProgress([&](const sqlite::CopyProgress& progress) {
          return sqlite::WriteBackup(config.data, asked.file, progress);
        });
        if (!bytes) return Fail("backup", bytes.error());
        fmt::print("wrote {} ({:.1f} MB)\n", asked.file, static_cast<double>(*bytes) / 1e6);
        return 0;
      });
}

int Restore(const std::vector<std::string>& arguments) {
  const auto declare = [](CLI::App& app, Asked& asked) {
    app.add_option("FILE", asked.file,
                   "What `millrace backup` wrote; none in a cluster, whose database has tools of its own");
    app.add_flag("--replace", asked.replace, "Put a store that is there aside, and keep it");
  };
  return ParseAndRun(
      "restore",
      "Makes a backup the store, in a new epoch: what the log holds of the time after it cannot harm. In a cluster, "
      "run it after the database was restored and before anything starts.",
      "  millrace restore --data ./library --replace library-today.db", arguments, declare, [](const Asked& asked) {
        const bool cluster = asked.loaded.config.cluster();
        if (cluster && !asked.file.empty()) {
          return Misused("restore", "in a cluster the database's own tools restore it; then run this without FILE");
        }
        if (!cluster && asked.file.empty()) return Misused("restore", "FILE is required");
        return cluster ? RestoreCluster(asked) : RestoreFile(asked);
      });
}

}  // namespace millrace::app
