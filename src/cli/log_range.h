#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace millrace::cli {

/// A moment, as messages carry it.
using LogTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// Which messages of each partition are meant, in the words that kcat and rpk have for it.
struct LogRange {
  enum class Until { kForever, kEnd, kOffset, kTime };

  std::string from = "beginning";  // as the API takes it; `stored`: where the group has got to
  Until until = Until::kForever;
  std::int64_t offset = 0;  // of kOffset: the first one that is left out
  LogTime time;             // of kTime: likewise

  bool operator==(const LogRange&) const = default;
};

/// One or several of: `beginning`, `start`, `end`, `stored`, `47`, `-3` (the last three), `+2` (all but the first two),
/// `@TIME`, ranges of these such as `10:20`, `:end`, `@-2h:-1h` and `@2026-01-15:1h`, and kcat's `s@MS` and `e@MS`.
/// TIME: RFC 3339, a day, seconds or milliseconds since 1970, or `-15m` (before `now`). kInvalidArgument otherwise.
base::Result<LogRange> ParseLogRange(const std::vector<std::string>& texts, LogTime now);

}  // namespace millrace::cli
