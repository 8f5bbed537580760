#include "cli/confirm.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "cli/output.h"
#include "cli/terminal_text.h"

namespace millrace::cli {

bool Confirm(std::string_view who, std::string_view question) {
  if (isatty(STDIN_FILENO) == 0) {
    Complain(fmt::format("{}: nobody is here to be asked: give --yes", who));
    return false;
  }
  std::fputs(fmt::format("{} [y/N] ", EscapeControls(question)).c_str(), stderr);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace millrace::cli
