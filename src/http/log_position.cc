#include "http/log_position.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace millrace::http {
namespace {

std::optional<std::int64_t> ReadNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool digits = !text.empty() && text.front() != '-';
  return digits && error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::optional<core::Timestamp> ReadTime(std::string_view text, core::Timestamp now) {
  if (const auto time = core::ParseTimestamp(text)) return time;
  constexpr std::int64_t kLatest = 253'402'300'799'999;  // of the year 9999
  if (const auto number = ReadNumber(text)) {
    if (*number > kLatest) return std::nullopt;
    return core::Timestamp(std::chrono::milliseconds(*number));
  }
  if (text.size() < 3 || text.front() != '-') return std::nullopt;
  const auto count = ReadNumber(text.substr(1, text.size() - 2));
  constexpr std::string_view kUnits = "smhd";
  constexpr std::int64_t kSeconds[] = {1, 60, 3600, 86'400};
  const std::size_t unit = kUnits.find(text.back());
  if (!count || unit == std::string_view::npos || *count > 1'000'000) return std::nullopt;
  return std::max(core::Timestamp(), now - std::chrono::seconds(*count * kSeconds[unit]));
}

std::optional<NextOffsets> ReadNextOffsets(std::string_view text) {
  NextOffsets next;
  while (true) {
    const std::string_view item = text.substr(0, text.find(','));
    const std::size_t colon = item.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto partition = ReadNumber(item.substr(0, colon)), offset = ReadNumber(item.substr(colon + 1));
    if (!partition || !offset || *partition > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
    next[static_cast<std::int32_t>(*partition)] = *offset;
    if (item.size() == text.size()) return next;
    text.remove_prefix(item.size() + 1);
  }
}

/// Of one partition; FromTime is not for here.
struct Within {
  std::int32_t partition;
  core::Watermarks marks;

  std::int64_t operator()(FromBeginning) const { return marks.low; }
  std::int64_t operator()(FromEnd) const { return marks.high; }
  std::int64_t operator()(FromOffset from) const { return std::clamp(from.offset, marks.low, marks.high); }
  std::int64_t operator()(FromFirst first) const { return marks.low + std::min(first.count, marks.high - marks.low); }
  std::int64_t operator()(FromLast last) const { return marks.high - std::min(last.count, marks.high - marks.low); }
  std::int64_t operator()(FromTime) const { return marks.low; }
  std::int64_t operator()(const NextOffsets& next) const {
    const auto named = next.find(partition);
    if (named == next.end() || named->second > marks.high) return marks.low;  // a topic made anew since
    return std::max(named->second, marks.low);
  }
};

}  // namespace

Decoded<LogStart> DecodeLogStart(std::string_view name, std::string_view text, core::Timestamp now) {
  if (text == "beginning") return LogStart(FromBeginning());
  if (text == "end") return LogStart(FromEnd());
  if (const auto offset = ReadNumber(text)) return LogStart(FromOffset{*offset});
  if (text.starts_with('-') || text.starts_with('+')) {
    const auto count = ReadNumber(text.substr(1));
    if (count) return text.front() == '-' ? LogStart(FromLast{*count}) : LogStart(FromFirst{*count});
  }
  if (text.starts_with('@')) {
    if (const auto time = ReadTime(text.substr(1), now)) return LogStart(FromTime{*time});
  }
  if (auto next = ReadNextOffsets(text)) return LogStart(std::move(*next));
  return InvalidField(
      fmt::format("/{}", name),
      "must be beginning, end, an offset such as 5, -5 for the last five, +5 for all but the first five, a "
      "time such as @2026-01-15T10:30:00Z or @-15m, or the next of an answer");
}

std::string FormatNextOffsets(const NextOffsets& next) {
  std::string text;
  for (const auto& [partition, offset] : next) {
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", partition, offset);
  }
  return text;
}

base::Result<NextOffsets> ResolveLogStart(const LogStart& start, const std::string& topic,
                                          const std::map<std::int32_t, core::PartitionInfo>& partitions,
                                          core::GroupAdmin& groups) {
  NextOffsets next;
  for (const auto& [partition, info] : partitions) next[partition] = std::visit(Within{partition, info.marks}, start);
  if (const auto* from = std::get_if<FromTime>(&start)) {
    ASSIGN_OR_RETURN(const NextOffsets found, groups.OffsetsAt(topic, from->time));
    for (auto& [partition, offset] : next) {
      if (const auto at = found.find(partition); at != found.end()) offset = at->second;
    }
  }
  return next;
}

}  // namespace millrace::http
