#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "cli/output.h"

namespace CLI {
class App;
}

namespace millrace::cli {

/// How fast a call that works in batches is driven, and from where.
struct BatchOptions {
  double rate = 0;     // items a second; 0: as fast as it goes
  std::string cursor;  // where an earlier run ended; empty: from the start
};

void AddBatchOptions(CLI::App& app, BatchOptions& options);
/// `--rate` alone.
void AddRateOption(CLI::App& app, double& rate);
/// How many items one call takes, so that `rate` is kept evenly.
std::size_t BatchSize(double rate);

struct BatchStep {
  std::int64_t items = 0;
  std::string cursor;  // empty: that was all
};

struct BatchEnd {
  std::int64_t items = 0;
  std::string cursor;  // where to go on; empty: it is done
  base::Status status;
  bool interrupted = false;  // by Ctrl+C
};

/// Calls `step` with a cursor and a limit until it has no more, shows how far it is (`total` < 0: of unknown many), and
/// waits while the server has no room. Ctrl+C ends it after the step that is under way.
BatchEnd RunBatches(const BatchOptions& options, std::string_view what, std::int64_t total,
                    const std::function<base::Result<BatchStep>(const std::string& cursor, std::size_t limit)>& step);

/// Says why it ended early, and how to go on with `command`; the exit code.
int ReportBatchEnd(const BatchEnd& end, std::string_view command);

}  // namespace millrace::cli
