#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <iostream>
#include <memory>
#include <utility>

#include "cli/api.h"
#include "cli/bulk_sender.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/file_walk.h"
#include "cli/ingest_summary.h"
#include "cli/ingest_watch.h"
#include "cli/json_lines.h"

namespace millrace::cli {
namespace {

struct Options {
  std::vector<std::string> paths;
  WalkOptions walk;
  SendOptions send;
  std::string chunking;
  bool wait = true;
};

/// Everything named on the command line, found before anything is sent.
struct Sources {
  FileList files;
  bool from_stdin = false;
};

base::Result<Sources> FindSources(const Options& options) {
  Sources sources;
  std::vector<std::string> paths = options.paths;
  const size_t given = paths.size();
  std::erase(paths, "-");
  sources.from_stdin = given == 0 || paths.size() < given;
  if (given == 0 && isatty(STDIN_FILENO) == 1) {
    return base::Error{
        base::Code::kInvalidArgument, "nothing to ingest: name files or folders, or pipe JSON lines into it", {}};
  }
  ASSIGN_OR_RETURN(sources.files, FindFiles(paths, options.walk));
  return sources;
}

void SendAll(const Sources& sources, const Options& options, BulkSender& sender, IngestTally& tally,
             IngestWatch& watch) {
  const DocumentSink sink{[&](OutgoingDocument document) { sender.Add(std::move(document)); },
                          [&](const std::string& name, const std::string& reason) { tally.Fail(name, reason); }};
  watch.SetFileCount(sources.files.files.size());
  for (const auto& [name, reason] : sources.files.failed) tally.Fail(name, reason);
  for (const auto& file : sources.files.files) {
    if (sender.stopped()) {
      tally.Fail(file.path.string(), "not sent");
      continue;
    }
    ReadFile(file, options.chunking, sink);
    watch.FileDone();
  }
  if (sources.from_stdin) {
    ReadJsonStream(std::cin, {"stdin", "", "", options.chunking}, sink, [&] { return !sender.stopped(); });
  }
}

int Ingest(const Options& options, const Context& context) {
  const auto sources = FindSources(options);
  if (!sources) {
    Complain("millrace ingest: " + sources.error().message);
    return kUsage;
  }
  HttpClient client(context.connection);
  if (const auto version = Call(client, {"GET", "/v1/version"}); !version) {
    Report(version.error());
    return kFailed;
  }
  IngestTally tally;
  base::Status outcome;
  {
    BulkSender sender(context.connection, options.send, tally);
    IngestWatch watch(context.connection, {options.wait, options.send.unreachable_seconds}, tally);
    SendAll(*sources, options, sender, tally, watch);
    outcome = sender.Finish();
    if (outcome) outcome = watch.Finish();
  }
  const IngestSummary summary{tally.counts(), sources->files.skipped_types, sources->files.same_page, tally.failures(),
                              options.wait};
  Print(FormatSummary(summary, context.output));
  if (!outcome) Complain("millrace ingest: " + outcome.error().message);
  return outcome ? ExitCodeOf(summary) : kFailed;
}

CommandBody DeclareIngest(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("PATH", options->paths,
                 "Files and folders (.txt .md .markdown .rst .html .htm .json); - or nothing: JSON lines on stdin");
  app.add_option("--key-prefix", options->walk.key_prefix, "Put before every file's key, such as manuals/")
      ->type_name("TEXT");
  app.add_flag("--once-per-page", options->walk.once_per_page,
               "Of a page in several formats (a.html, a.md, a.rst, a.txt) take the first of these only");
  app.add_option("--chunking", options->chunking, "passage, sentence or whole (default: the server's)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"passage", "sentence", "whole"}));
  app.add_flag("--wait,!--no-wait", options->wait, "Wait until everything is indexed (the default), or do not");
  app.add_option("--batch", options->send.max_batch_documents, "Documents sent in one request")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--give-up-after", options->send.unreachable_seconds,
                 "Seconds to keep trying when the server stops answering")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  return [options](const Context& context) { return Ingest(*options, context); };
}

}  // namespace

Command IngestCommand() {
  return {
      "ingest", "Send files, folders or JSON lines, and wait until they are indexed",
      "  millrace ingest docs/ README.md\n"
      "  millrace ingest --once-per-page /usr/share/doc/git/html\n"
      "  echo '{\"title\":\"Note\",\"content\":\"Trains leave at nine.\",\"key\":\"notes/1\"}' | millrace ingest -\n",
      DeclareIngest};
}

}  // namespace millrace::cli
