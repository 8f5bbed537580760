#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "main/backup.h"
#include "main/config.h"
#include "main/serve.h"
#include "main/worker.h"

namespace {

int RunCommand(millrace::app::Command command, const std::vector<std::string>& arguments) {
  const bool serve = command == millrace::app::Command::kServe;
  const auto loaded = millrace::app::LoadConfig(command, arguments);
  if (loaded.help) {
    fmt::print("{}", loaded.help_text);
    return 0;
  }
  for (const auto& problem : loaded.problems) {
    fmt::print(stderr, "millrace {}: {}\n", serve ? "serve" : "worker", problem);
  }
  if (!loaded.problems.empty()) return 2;
  return serve ? millrace::app::Serve(loaded) : millrace::app::Work(loaded);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<millrace::cli::OutsideCommand> outside = {
        {"serve", "Run a server: HTTP API and index, and the pipeline too when there is no cluster",
         [](const auto& arguments) { return RunCommand(millrace::app::Command::kServe, arguments); }},
        {"worker", "Run a worker of a cluster: reads Kafka, embeds, stores in MySQL",
         [](const auto& arguments) { return RunCommand(millrace::app::Command::kWorker, arguments); }},
        {"backup", "Write an embedded store to a file, while its server may run", millrace::app::Backup},
        {"restore", "Make a backup the store again, in a new epoch", millrace::app::Restore}};
    return millrace::cli::Run(argc, argv, outside);
  } catch (const std::exception& error) {
    fmt::print(stderr, "millrace: {}\n", error.what());
    return 1;
  }
}
