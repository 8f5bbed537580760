#include "cli/duration.h"

#include <fmt/chrono.h>

#include <array>
#include <charconv>
#include <cstdint>

namespace millrace::cli {
namespace {

constexpr std::chrono::seconds kLongest = std::chrono::hours(24 * 365);

}  // namespace

std::optional<std::chrono::seconds> ParseDuration(std::string_view text) {
  std::int64_t count = 0;
  const auto [unit, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || unit != text.data() + text.size() - 1 || count < 1) return std::nullopt;
  constexpr std::string_view kUnits = "smhd";
  constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86'400};
  const std::size_t found = kUnits.find(*unit);
  if (found == std::string_view::npos || count > kLongest.count() / kSeconds[found]) return std::nullopt;
  return std::chrono::seconds(count * kSeconds[found]);
}

std::string TimeOf(const std::string& text) {
  const auto ago = ParseDuration(text);
  if (!ago) return text;
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%FT%TZ}", fmt::gmtime(now - *ago));
}

}  // namespace millrace::cli
