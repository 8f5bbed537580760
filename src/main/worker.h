#pragma once

#include "main/config.h"

namespace millrace::app {

/// Runs a worker until SIGTERM or SIGINT, then drains and commits. The exit code: 0, or 1 when it could not start.
int Work(const LoadedConfig& loaded);

}  // namespace millrace::app
