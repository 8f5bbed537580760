#include "cli/batches.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "cli/exit_code.h"
#include "cli/progress_line.h"

namespace millrace::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kBatch = 100;
constexpr auto kTryAgain = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::minutes(5);  // with a server that has no room
constexpr auto kLook = std::chrono::milliseconds(100);

volatile std::sig_atomic_t interrupted = 0;
void Interrupt(int) { interrupted = 1; }

/// Ctrl+C is noted instead of ending the process; a second one ends it.
class NotedInterrupts {
 public:
  NotedInterrupts() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = Interrupt;
    action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
  }
  ~NotedInterrupts() { sigaction(SIGINT, &before_, nullptr); }
  NotedInterrupts(const NotedInterrupts&) = delete;
  NotedInterrupts& operator=(const NotedInterrupts&) = delete;

 private:
  struct sigaction before_ {};
};

void SleepUntil(steady_clock::time_point due) {
  while (interrupted == 0 && steady_clock::now() < due) {
    std::this_thread::sleep_until(std::min(due, steady_clock::now() + kLook));
  }
}

double SecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

}  // namespace

void AddRateOption(CLI::App& app, double& rate) {
  app.add_option("--rate", rate, "At most so many a second, such as 10 or 10/s")
      ->type_name("N")
      ->transform([](std::string text) {
        if (text.ends_with("/s")) text.resize(text.size() - 2);
        return text;
      })
      ->check(CLI::PositiveNumber);
}

std::size_t BatchSize(double rate) {
  return rate > 0 ? std::clamp<std::size_t>(static_cast<std::size_t>(rate), 1, kBatch) : kBatch;
}

void AddBatchOptions(CLI::App& app, BatchOptions& options) {
  AddRateOption(app, options.rate);
  app.add_option("--cursor", options.cursor, "Go on where a run ended that said so")->type_name("C");
}

BatchEnd RunBatches(const BatchOptions& options, std::string_view what, std::int64_t total,
                    const std::function<base::Result<BatchStep>(const std::string& cursor, std::size_t limit)>& step) {
  const NotedInterrupts noted;
  ProgressLine progress;
  BatchEnd end;
  end.cursor = options.cursor;
  const std::size_t limit = BatchSize(options.rate);
  const auto start = steady_clock::now();
  auto due = start, patience = start + kPatience;
  while (true) {
    SleepUntil(due);
    if (interrupted != 0) {
      end.interrupted = true;
      return end;
    }
    const auto done = step(end.cursor, limit);
    if (!done && done.error().code == base::Code::kOverloaded && steady_clock::now() < patience) {
      progress.Show(fmt::format("{}: waiting, {}", what, done.error().message));
      due = steady_clock::now() + kTryAgain;
      continue;
    }
    if (!done) {
      end.status = done.error();
      return end;
    }
    end.items += done->items;
    end.cursor = done->cursor;
    if (end.cursor.empty()) return end;
    patience = steady_clock::now() + kPatience;
    progress.Show(fmt::format("{} {}{}, {:.0f}/s, cursor {}", end.items, total < 0 ? "" : fmt::format("of {} ", total),
                              what, static_cast<double>(end.items) / std::max(SecondsSince(start), 0.001), end.cursor));
    if (options.rate > 0) {
      due = std::max(due, steady_clock::now() - std::chrono::seconds(1)) +
            std::chrono::duration_cast<steady_clock::duration>(
                std::chrono::duration<double>(static_cast<double>(done->items) / options.rate));
    }
  }
}

int ReportBatchEnd(const BatchEnd& end, std::string_view command) {
  if (end.status && !end.interrupted) return kOk;
  const int code = end.interrupted ? static_cast<int>(kPartly) : Report(end.status.error());
  if (end.cursor.empty()) {
    Complain(fmt::format("stopped before anything was done; run {} again", command));
    return code;
  }
  Complain(fmt::format("stopped; go on with: {} --cursor {}", command, end.cursor));
  return kPartly;
}

}  // namespace millrace::cli
