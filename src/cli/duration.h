#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::cli {

/// `90s`, `30m`, `24h`, `7d`; nothing for anything else, and for more than a year.
std::optional<std::chrono::seconds> ParseDuration(std::string_view text);

/// `24h`, which is a day ago, as the API writes times; anything else as it stands, for the server to judge.
std::string TimeOf(const std::string& text);

}  // namespace millrace::cli
