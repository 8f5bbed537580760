#include "ingest/retry_topics.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/comma_list.h"
#include "base/utf8.h"
#include "core/log.h"

namespace millrace::ingest {
namespace {

constexpr std::chrono::seconds kLongestDelay = std::chrono::hours(24);

std::optional<std::chrono::seconds> ParseDelay(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number <= 0 || number > kLongestDelay.count()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::chrono::seconds delay{0};
  if (unit == "s") delay = std::chrono::seconds(number);
  if (unit == "m") delay = std::chrono::minutes(number);
  if (unit == "h") delay = std::chrono::hours(number);
  if (delay.count() == 0 || delay > kLongestDelay) return std::nullopt;
  return delay;
}

/// In the largest unit that fits, so that equal delays have equal names.
std::string DelayName(std::chrono::seconds delay) {
  if (delay.count() % 3600 == 0) return fmt::format("{}h", delay.count() / 3600);
  if (delay.count() % 60 == 0) return fmt::format("{}m", delay.count() / 60);
  return fmt::format("{}s", delay.count());
}

}  // namespace

base::Result<std::vector<RetryTopic>> ParseRetryDelays(std::string_view text) {
  const base::Error wrong{
      base::Code::kInvalidArgument,
      fmt::format("at most {} different delays such as 5s,1m,10m, each up to 24h, or nothing", kMaxRetryTopics),
      {}};
  std::vector<RetryTopic> topics;
  while (!base::TrimWhiteSpace(text).empty()) {
    const auto delay = ParseDelay(base::TakeItem(text));
    if (!delay || topics.size() == kMaxRetryTopics) return wrong;
    for (const RetryTopic& other : topics) {
      if (other.delay == *delay) return wrong;
    }
    const std::string suffix = "-retry-" + DelayName(*delay);
    topics.push_back({core::kUploadsTopic + suffix, core::kWorkersGroup + suffix, *delay});
  }
  return topics;
}

}  // namespace millrace::ingest
