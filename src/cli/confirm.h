#pragma once

#include <string_view>

namespace millrace::cli {

/// Asks on the terminal and is true for a yes. Without a terminal it complains that --yes is missing and is false.
bool Confirm(std::string_view who, std::string_view question);

}  // namespace millrace::cli
