#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace boost::json {
class object;
}

namespace millrace::cli {

/// A message of /v1/topics/{name}/messages for people: topic, partition, offset and key, below it the value, JSON
/// indented. Everything is escaped for a terminal.
std::string DescribeMessage(const boost::json::object& message);

/// How programs want messages, as kcat has it: `%t` topic, `%p` partition, `%o` offset, `%T` time, `%k` key, `%s`
/// value, `%S` bytes of the value, `%h` headers, `%%`, and the escapes `\n`, `\t`, `\r`, `\0` and `\\`. Bytes come as
/// they are.
base::Status CheckMessageFormat(std::string_view format);
std::string FormatMessage(const boost::json::object& message, std::string_view format);  // REQUIRES: checked

}  // namespace millrace::cli
