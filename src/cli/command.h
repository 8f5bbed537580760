#pragma once

#include <functional>
#include <string_view>

#include "cli/http_client.h"
#include "cli/output.h"

namespace CLI {
class App;
}

namespace millrace::cli {

/// What every command is given once the command line is parsed.
struct Context {
  Connection connection;
  OutputFormat output = OutputFormat::kTable;
};

using CommandBody = std::function<int(const Context&)>;  // returns an ExitCode

struct Command {
  std::string_view name;                  // "search", "documents list"
  std::string_view summary;               // one line for `millrace --help`
  std::string_view example;               // shown under Example in the command's own help
  CommandBody (*declare)(CLI::App& app);  // adds the command's options to `app`; the body runs after parsing
};

Command IngestCommand();
Command SearchCommand();
Command DocumentsListCommand();
Command DocumentsShowCommand();
Command DocumentsChunksCommand();
Command DocumentsVersionsCommand();
Command DocumentsContentCommand();
Command DocumentsDeleteCommand();
Command TopicsListCommand();
Command TopicsCreateCommand();
Command TopicsDescribeCommand();
Command TopicsAlterCommand();
Command TopicsEmptyCommand();
Command TopicsDeleteCommand();
Command GroupsListCommand();
Command GroupsDescribeCommand();
Command GroupsLagCommand();
Command GroupsResetCommand();
Command GroupsDeleteCommand();
Command ProduceCommand();
Command ConsumeCommand();
Command DlqListCommand();
Command DlqShowCommand();
Command DlqRedriveCommand();
Command DlqEditCommand();
Command DlqExportCommand();
Command DlqPurgeCommand();
Command ReindexCommand();
Command ReplayCommand();
Command StatusCommand();
Command AnalyticsCommand();
Command ConfigCommand();
Command VersionCommand();

}  // namespace millrace::cli
