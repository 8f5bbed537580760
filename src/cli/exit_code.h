#pragma once

#include "base/result.h"

namespace millrace::cli {

/// What scripts rely on.
enum ExitCode : int { kOk = 0, kFailed = 1, kUsage = 2, kNotFound = 3, kPartly = 4 };

inline ExitCode ExitCodeOf(const base::Error& error) {
  return error.code == base::Code::kNotFound ? kNotFound : kFailed;
}

}  // namespace millrace::cli
