#include "cli/log_range.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "cli/duration.h"

namespace millrace::cli {
namespace {

std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool digits = !text.empty() && text.front() != '-';
  return digits && failure == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// So many digits, which go from the front of `text`.
std::optional<int> TakeDigits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  const auto number = ParseNumber(text.substr(0, count));
  if (!number) return std::nullopt;
  text.remove_prefix(count);
  return static_cast<int>(*number);
}

bool Take(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::chrono::sys_days> TakeDay(std::string_view& text) {
  const auto year = TakeDigits(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeDigits(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeDigits(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() ? std::optional(std::chrono::sys_days(date)) : std::nullopt;
}

std::optional<std::chrono::minutes> TakeHoursAndMinutes(std::string_view& text) {
  const auto hour = TakeDigits(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeDigits(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  return std::chrono::minutes(*hour * 60 + *minute);
}

std::chrono::milliseconds TakeFraction(std::string_view& text) {
  if (!Take(text, '.')) return {};
  int thousandths = 0, unit = 100;
  for (; !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())); text.remove_prefix(1), unit /= 10) {
    thousandths += (text.front() - '0') * unit;
  }
  return std::chrono::milliseconds(thousandths);
}

/// `Z`, `+02:00`: what a local time is ahead by.
std::optional<std::chrono::minutes> TakeZone(std::string_view& text) {
  if (Take(text, 'Z') || Take(text, 'z')) return std::chrono::minutes(0);
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return std::nullopt;
  text.remove_prefix(1);
  const auto ahead = TakeHoursAndMinutes(text);
  if (!ahead) return std::nullopt;
  return west ? -*ahead : *ahead;
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
  return ParseTime(text);
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

std::optional<LogTime> ParseTime(std::string_view text) {
  const auto day = TakeDay(text);
  if (!day) return std::nullopt;
  LogTime time = *day;
  if (text.empty()) return time;
  if (!Take(text, 'T') && !Take(text, 't') && !Take(text, ' ')) return std::nullopt;
  const auto minute = TakeHoursAndMinutes(text);
  if (!minute || !Take(text, ':')) return std::nullopt;
  const auto second = TakeDigits(text, 2);
  if (!second || *second > 59) return std::nullopt;
  time += *minute + std::chrono::seconds(*second) + TakeFraction(text);
  const auto ahead = TakeZone(text);
  return ahead && text.empty() ? std::optional(time - *ahead) : std::nullopt;
}

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
