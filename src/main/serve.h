#pragma once

#include "main/config.h"

namespace millrace::app {

/// Runs the server until SIGTERM or SIGINT, then drains. The exit code: 0, or 1 when it could not start.
int Serve(const LoadedConfig& loaded);

}  // namespace millrace::app
