#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace millrace::cli {

/// A command that lives outside this library (`serve`): listed in the help beside the client's commands, and handed
/// its arguments unparsed (without the program's and the command's names), `--help` included.
struct OutsideCommand {
  std::string name;
  std::string summary;  // one line
  std::function<int(const std::vector<std::string>& arguments)> run;
};

/// Runs `millrace …` and returns its exit code: 0 ok, 1 failed, 2 usage, 3 not found, 4 partly.
/// Data goes to stdout, everything else to stderr. Call once, from main.
int Run(int argc, char** argv, std::span<const OutsideCommand> outside);

}  // namespace millrace::cli
