#pragma once

#include <cstddef>
#include <string_view>

#include "base/result.h"

namespace boost::json {
class value;
}

namespace millrace::core {

/// Reads JSON with numbers rounded correctly: Boost.JSON 1.81 by itself may miss the nearest double, so that a number
/// would change each time it is written and read. kTooLarge when nested deeper than `max_depth`, else kInvalidArgument.
base::Result<boost::json::value> ParseJson(std::string_view text, std::size_t max_depth);

}  // namespace millrace::core
