#pragma once

#include <optional>
#include <string_view>

#include "base/deadline.h"

namespace millrace::cli {

/// Progress on stderr: one line drawn over and over on a terminal, elsewhere a line every 5 s. Not thread-safe.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();  // clears the line
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(std::string_view text);

 private:
  const bool terminal_;
  bool drawn_ = false;
  base::Deadline next_;
};

}  // namespace millrace::cli
