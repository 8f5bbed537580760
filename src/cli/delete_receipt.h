#pragma once

#include <string>

namespace boost::json {
class object;
}

namespace millrace::cli {

/// The receipt of a verified delete as tables.
std::string DescribeReceipt(const boost::json::object& receipt);

}  // namespace millrace::cli
