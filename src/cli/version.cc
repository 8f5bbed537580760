#include "base/version.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

/// A server that is not there is no failure here: the client's version is known all the same.
int ShowVersion(const Context& context) {
  HttpClient client(context.connection);
  const auto server = Call(client, {"GET", "/v1/version", {}, {}, 5});
  if (context.output != OutputFormat::kTable) {
    json::object both{{"client", std::string(base::kVersion)}, {"server", server ? *server : json::value()}};
    Print(FormatJson(both) + "\n");
    return kOk;
  }
  Print(fmt::format("millrace {}\n", base::kVersion));
  if (server) {
    const json::object& answer = server->get_object();
    Print(fmt::format("server   {} ({}, {})\n", EscapeControls(TextAt(answer, "version")),
                      EscapeControls(TextAt(answer, "mode")), EscapeControls(TextAt(answer, "model"))));
  } else {
    Complain("server: " + server.error().message);
  }
  return kOk;
}

}  // namespace

Command VersionCommand() {
  return {"version", "Show the version of this program and of the server", "  millrace version\n",
          [](CLI::App&) -> CommandBody { return ShowVersion; }};
}

}  // namespace millrace::cli
