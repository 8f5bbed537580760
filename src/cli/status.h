#pragma once

#include <string>

namespace boost::json {
class object;
}

namespace millrace::cli {

/// " · 212 chunks/s · 2 min left" out of an answer to GET /v1/status; empty when nothing moves.
std::string DescribeRates(const boost::json::object& status);

/// "45 s", "2 min", "3 h 10 min".
std::string DescribeSeconds(double seconds);

}  // namespace millrace::cli
