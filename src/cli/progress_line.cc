#include "cli/progress_line.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "cli/terminal_text.h"

namespace millrace::cli {
namespace {

constexpr double kPlainSeconds = 5;

size_t Width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1U : 79U;
}

}  // namespace

ProgressLine::ProgressLine()
    : terminal_(isatty(STDERR_FILENO) == 1), next_(base::Deadline::AfterSeconds(kPlainSeconds)) {}

ProgressLine::~ProgressLine() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void ProgressLine::Show(std::string_view text) {
  if (terminal_) {
    std::fputs(fmt::format("\r\x1b[K{}", CutToWidth(EscapeControls(text), Width())).c_str(), stderr);
    drawn_ = true;
  } else if (next_.expired()) {
    std::fputs(fmt::format("{}\n", EscapeControls(text)).c_str(), stderr);
    next_ = base::Deadline::AfterSeconds(kPlainSeconds);
  }
}

}  // namespace millrace::cli
