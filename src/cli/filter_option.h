#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace millrace::cli {

/// `--filter JSON`, a condition on documents. What is no JSON is a wrong command line; what it means the server knows.
void AddFilterOption(CLI::App& app, const std::string& help, std::optional<boost::json::value>& filter);

}  // namespace millrace::cli
