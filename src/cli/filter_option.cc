#include "cli/filter_option.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "cli/api.h"

namespace millrace::cli {

void AddFilterOption(CLI::App& app, const std::string& help, std::optional<boost::json::value>& filter) {
  app.add_option_function<std::string>(
         "--filter",
         [&filter](const std::string& text) {
           auto parsed = ParseJson(text);
           if (!parsed) throw CLI::ValidationError("--filter", parsed.error().message);
           filter = std::move(*parsed);
         },
         help)
      ->type_name("JSON");
}

}  // namespace millrace::cli
