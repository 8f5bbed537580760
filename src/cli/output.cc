#include "cli/output.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>

#include "cli/exit_code.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace {

[[noreturn]] void GiveUpWriting() {
  const int reason = errno;
  if (reason == EPIPE) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  Complain(fmt::format("millrace: cannot write to stdout: {}", std::strerror(reason)));
  std::_Exit(kFailed);
}

std::optional<size_t> TerminalWidth() {
  winsize size{};
  if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return std::nullopt;
}

}  // namespace

void Print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) GiveUpWriting();
}

void FlushOutput() {
  if (std::fflush(stdout) != 0) GiveUpWriting();
}

void Complain(std::string_view message) { std::fputs((EscapeControls(message) + "\n").c_str(), stderr); }

int Report(const base::Error& error) {
  Complain("millrace: " + error.message);
  return ExitCodeOf(error);
}

size_t TextWidth() { return TerminalWidth().value_or(100); }

size_t TableWidth() { return TerminalWidth().value_or(std::numeric_limits<size_t>::max()); }

void JsonItems::Add(std::string_view item_json) {
  if (format_ == OutputFormat::kJson) Print(count_ == 0 ? "[" : ",\n ");
  ++count_;
  Print(item_json);
  if (format_ == OutputFormat::kJsonLines) Print("\n");
}

void JsonItems::Finish() {
  if (format_ == OutputFormat::kJson) Print(count_ == 0 ? "[]\n" : "]\n");
}

}  // namespace millrace::cli
