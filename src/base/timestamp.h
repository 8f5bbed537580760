#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace millrace::base {

/// RFC 3339, of 1970 and later, cut to milliseconds; nothing for anything else.
std::optional<std::chrono::sys_time<std::chrono::milliseconds>> ParseTimestamp(std::string_view text);

}  // namespace millrace::base
