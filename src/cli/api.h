#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/http_client.h"

namespace boost::json {
class value;
class object;
class array;
}  // namespace boost::json

namespace millrace::cli {

/// Sends `request`; the JSON of a 2xx answer, anything else as an error with the server's own words.
base::Result<boost::json::value> Call(HttpClient& client, const Request& request);

/// The JSON of a 2xx answer, or its error: kNotFound for 404, kTooLarge for 413, kOverloaded for 429 and 503.
base::Result<boost::json::value> ReadAnswer(const Response& response);

/// One line out of a problem document: its detail and the fields at fault; the status alone when it is none.
std::string DescribeProblem(int status, std::string_view body);
std::string DescribeProblem(const boost::json::object& problem);

base::Result<boost::json::value> ParseJson(std::string_view text);

/// One line of JSON. Unlike Boost's own it writes 0.71 as people do, not as 7.1E-1.
std::string FormatJson(const boost::json::value& value);

// Members of answers, tolerant of a server that leaves one out.
std::string TextAt(const boost::json::object& object, std::string_view member);  // "" when absent or not a string
int64_t IntegerAt(const boost::json::object& object, std::string_view member);   // 0 when absent or not a number
double NumberAt(const boost::json::object& object, std::string_view member);     // 0 when absent or not a number
const boost::json::object& ObjectAt(const boost::json::object& object, std::string_view member);  // empty when absent

const boost::json::array& ArrayAt(const boost::json::object& object, std::string_view member);  // empty when absent
/// The number as text, `none` when it is null or absent.
std::string NumberText(const boost::json::object& object, std::string_view member, std::string_view none = "-");

}  // namespace millrace::cli
