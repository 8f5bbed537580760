#include "cli/log_range.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/timestamp.h"
#include "cli/duration.h"

namespace millrace::cli {
namespace {

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool digits = !text.empty() && text.front() != '-';
  return digits && failure == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<LogTime> ParseMoment(std::string_view text, LogTime now) {
  if (const auto number = ParseNumber(text)) {
    constexpr std::size_t kDigitsOfSeconds = 10;  // more are milliseconds
    if (text.size() > 15) return std::nullopt;
    return LogTime(std::chrono::milliseconds(text.size() > kDigitsOfSeconds ? *number : *number * 1000));
  }
  if (text.starts_with('-')) {
    const auto ago = ParseDuration(text.substr(1));
    return ago ? std::optional<LogTime>(now - *ago) : std::nullopt;
  }
  constexpr std::size_t kDaySize = 10;  // 2026-01-15
  return base::ParseTimestamp(text.size() == kDaySize ? std::string(text) + "T00:00:00Z" : std::string(text));
}

std::string FromTime(LogTime time) {
  return fmt::format("@{}", std::max<std::int64_t>(0, time.time_since_epoch().count()));
}

/// One place, without a range. `time`: of a place that is one.
struct Place {
  std::string from;
  std::optional<LogTime> time;
};

std::optional<Place> ParsePlace(std::string_view text, LogTime now) {
  if (text.empty() || text == "@" || text == "beginning" || text == "start") return Place{"beginning", {}};
  if (text == "end" || text == "stored") return Place{std::string(text), {}};
  if (text.starts_with('@')) {
    const auto time = ParseMoment(text.substr(1), now);
    return time ? std::optional(Place{FromTime(*time), time}) : std::nullopt;
  }
  const bool relative = text.starts_with('-') || text.starts_with('+');
  return ParseNumber(text.substr(relative ? 1 : 0)) ? std::optional(Place{std::string(text), {}}) : std::nullopt;
}

/// Where the range that begins with `from` ends; times need no `@` when it begins with one.
std::optional<LogRange> ParseBound(std::string_view text, std::string_view from, const Place& begin, LogTime now) {
  LogRange range{begin.from, LogRange::Until::kEnd, 0, {}};
  if (text == "end") return range;
  const bool marked = text.starts_with('@');
  if (marked || from.starts_with('@')) {
    const std::string_view moment = text.substr(marked ? 1 : 0);
    std::optional<LogTime> time = ParseMoment(moment, now);
    if (const auto length = ParseDuration(moment); !time && length && begin.time) time = *begin.time + *length;
    if (!time) return std::nullopt;
    range.until = LogRange::Until::kTime;
    range.time = *time;
    return range;
  }
  const auto offset = ParseNumber(text);
  if (!offset) return std::nullopt;
  range.until = LogRange::Until::kOffset;
  range.offset = *offset;
  return range;
}

std::optional<LogRange> ParseOne(std::string_view text, LogTime now) {
  if (const auto place = text.empty() ? std::nullopt : ParsePlace(text, now)) {
    return LogRange{place->from, LogRange::Until::kForever, 0, {}};
  }
  // A time may hold colons itself.
  for (std::size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    const auto begin = ParsePlace(text.substr(0, colon), now);
    if (!begin) continue;
    if (auto range = ParseBound(text.substr(colon + 1), text.substr(0, colon), *begin, now)) return range;
  }
  return std::nullopt;
}

/// kcat's `s@MS`, `e@MS`.
std::optional<LogTime> ParseMark(std::string_view text, std::string_view mark) {
  if (!text.starts_with(mark)) return std::nullopt;
  const auto number = ParseNumber(text.substr(mark.size()));
  return number ? std::optional(LogTime(std::chrono::milliseconds(*number))) : std::nullopt;
}

}  // namespace

base::Result<LogRange> ParseLogRange(const std::vector<std::string>& texts, LogTime now) {
  LogRange range;
  for (const std::string& text : texts) {
    if (const auto since = ParseMark(text, "s@")) {
      range.from = FromTime(*since);
    } else if (const auto until = ParseMark(text, "e@")) {
      range.until = LogRange::Until::kTime;
      range.time = *until;
    } else if (const auto one = ParseOne(text, now); one && texts.size() == 1) {
      return *one;
    } else {
      return {base::Code::kInvalidArgument,
              fmt::format("'{}' must be beginning, end, an offset such as 5, -5 for the last five, +5 for all but the "
                          "first five, a time such as @2026-01-15T10:30:00Z or @-15m, or a range such as 10:20 or "
                          "@-2h:-1h",
                          text)};
    }
  }
  return range;
}

}  // namespace millrace::cli
