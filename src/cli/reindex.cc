#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/batches.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/filter_option.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

struct ReindexOptions {
  std::vector<int64_t> documents;
  std::string status, key_prefix;
  std::optional<json::value> where;
  bool failed = false, dry_run = false;
  BatchOptions batches;

  bool has_filter() const { return !status.empty() || !key_prefix.empty() || failed || where; }

  json::object Body() const {
    if (!documents.empty()) return {{"ids", json::array(documents.begin(), documents.end())}};
    json::object filter;
    if (failed) filter["status"] = "any_failed";
    if (!status.empty()) filter["status"] = status;
    if (!key_prefix.empty()) filter["key_prefix"] = key_prefix;
    if (where) filter["where"] = *where;
    return {{"filter", std::move(filter)}};
  }
};

class Reindex {
 public:
  Reindex(const ReindexOptions& options, const Context& context)
      : options_(options), output_(context.output), client_(context.connection) {}

  int Run() {
    const auto planned = Ask(true, options_.batches.cursor, 1);
    if (!planned) return Report(planned.error());
    const int64_t matched = IntegerAt(planned->get_object(), "matched");
    if (options_.dry_run) {
      Tell(matched, {});
      return Answer(matched);
    }
    const BatchEnd end = RunBatches(
        options_.batches, "queued", matched, [&](const std::string& cursor, size_t limit) -> base::Result<BatchStep> {
          ASSIGN_OR_RETURN(const json::value answer, Ask(false, cursor, limit));
          return BatchStep{IntegerAt(answer.get_object(), "matched"), TextAt(answer.get_object(), "next_cursor")};
        });
    Tell(matched, end);
    const int code = ReportBatchEnd(end, "millrace reindex with the same options");
    return code == kOk ? Answer(end.items) : code;
  }

 private:
  base::Result<json::value> Ask(bool dry_run, const std::string& cursor, size_t limit) {
    json::object body = options_.Body();
    body["dry_run"] = dry_run;
    body["limit"] = limit;
    if (!cursor.empty()) body["cursor"] = cursor;
    const std::string text = json::serialize(body);
    return Call(client_, {"POST", "/v1/reindex", "application/json", text});
  }

  void Tell(int64_t matched, const BatchEnd& end) const {
    if (output_ != OutputFormat::kTable) {
      const json::value cursor = end.cursor.empty() ? json::value(nullptr) : json::value(end.cursor);
      Print(FormatJson(json::object{
                {"dry_run", options_.dry_run}, {"matched", matched}, {"queued", end.items}, {"next_cursor", cursor}}) +
            "\n");
    } else if (options_.dry_run) {
      Print(fmt::format("{} documents would be indexed again\n", matched));
    } else {
      Print(fmt::format("{} documents queued to be indexed again; until they are, they answer as before\n", end.items));
    }
  }

  /// Named documents that were not taken are missed, others were not there to begin with.
  int Answer(int64_t taken) const {
    const auto asked = static_cast<int64_t>(options_.documents.size());
    if (taken >= asked) return kOk;
    Complain(fmt::format("{} of the {} documents are not there, or under way already", asked - taken, asked));
    return taken == 0 ? kNotFound : kPartly;
  }

  const ReindexOptions& options_;
  const OutputFormat output_;
  HttpClient client_;
};

CommandBody DeclareReindex(CLI::App& app) {
  auto options = std::make_shared<ReindexOptions>();
  app.add_option("--document", options->documents, "Only these, comma-separated")
      ->type_name("ID")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  auto* status = app.add_option("--status", options->status, "Only those of this status")
                     ->type_name("STATUS")
                     ->check(CLI::IsMember({"indexed", "failed", "dead_lettered"}));
  app.add_flag("--failed", options->failed, "Only those that failed or are dead letters")->excludes(status);
  app.add_option("--key-prefix", options->key_prefix, "Only those whose key begins so")->type_name("PREFIX");
  AddFilterOption(app, "Only those whose metadata match, as JSON", options->where);
  app.add_flag("--dry-run", options->dry_run, "Only count them");
  AddBatchOptions(app, options->batches);
  return [options](const Context& context) -> int {
    if (!options->documents.empty() && options->has_filter()) {
      Complain("millrace reindex: --document names them, there is nothing to filter");
      return kUsage;
    }
    return Reindex(*options, context).Run();
  };
}

}  // namespace

Command ReindexCommand() {
  return {"reindex", "Index documents again from the store, while they go on answering",
          "  millrace reindex --dry-run\n"
          "  millrace reindex --failed\n"
          "  millrace reindex --key-prefix docs/ --rate 50/s\n"
          "  millrace reindex --filter '{\"field\": \"metadata.lang\", \"equals\": \"en\"}'\n",
          DeclareReindex};
}

}  // namespace millrace::cli
