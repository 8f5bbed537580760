#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "main/config.h"
#include "main/serve.h"

namespace {

int RunServe(const std::vector<std::string>& arguments) {
  const auto loaded = millrace::app::LoadConfig(arguments);
  if (loaded.help) {
    fmt::print("{}", loaded.help_text);
    return 0;
  }
  for (const auto& problem : loaded.problems) fmt::print(stderr, "millrace serve: {}\n", problem);
  return loaded.problems.empty() ? millrace::app::Serve(loaded) : 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<millrace::cli::OutsideCommand> outside = {
        {"serve", "Run the server: HTTP API, pipeline and index in one process", RunServe}};
    return millrace::cli::Run(argc, argv, outside);
  } catch (const std::exception& error) {
    fmt::print(stderr, "millrace: {}\n", error.what());
    return 1;
  }
}
