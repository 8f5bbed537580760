#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/dlq_selection.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kPageSize = 200;

/// Calls `take` with each dead letter of the list, up to `limit`.
template <typename Take>
base::Status ForEach(HttpClient& client, const DlqSelection& selection, size_t limit, Take take) {
  std::string cursor;
  while (limit > 0) {
    const std::string from = cursor.empty() ? "" : "&cursor=" + EncodeQueryValue(cursor);
    ASSIGN_OR_RETURN(const json::value answer,
                     Call(client, {"GET", fmt::format("/v1/dead-letters?limit={}{}{}", std::min(limit, kPageSize),
                                                      selection.Query(), from)}));
    const json::array& letters = ArrayAt(answer.get_object(), "dead_letters");
    for (const json::value& letter : letters) {
      if (letter.is_object()) RETURN_IF_ERROR(take(letter.get_object()));
    }
    limit -= std::min(limit, letters.size());
    cursor = TextAt(answer.get_object(), "next_cursor");
    if (cursor.empty() || letters.empty()) break;
  }
  return {};
}

std::string PlaceOf(const json::object& position) {
  return fmt::format("{}/{}@{}", TextAt(position, "topic"), IntegerAt(position, "partition"),
                     IntegerAt(position, "offset"));
}

std::vector<std::string> Row(const json::object& letter) {
  const json::object& error = ObjectAt(letter, "error");
  return {NumberText(letter, "id"),
          NumberText(letter, "document_id"),
          TextAt(error, "code"),
          TextAt(error, "stage"),
          NumberText(letter, "attempts"),
          NumberText(letter, "redrives"),
          TextAt(letter, "redriven_at").empty() ? "rests" : "under way",
          TextAt(letter, "failed_at").substr(0, 19),
          TextAt(error, "message")};
}

struct ListOptions {
  DlqSelection selection;
  size_t limit = 100;
  bool all = false;
};

int List(const ListOptions& options, const Context& context) {
  HttpClient client(context.connection);
  JsonItems items(context.output);
  std::vector<std::vector<std::string>> rows;
  const auto status = ForEach(client, options.selection, options.all ? static_cast<size_t>(-1) : options.limit,
                              [&](const json::object& letter) -> base::Status {
                                if (context.output == OutputFormat::kTable) {
                                  rows.push_back(Row(letter));
                                } else {
                                  items.Add(FormatJson(letter));
                                }
                                return {};
                              });
  if (!status) return Report(status.error());
  if (context.output != OutputFormat::kTable) {
    items.Finish();
  } else if (rows.empty()) {
    Complain("no dead letters");
  } else {
    Print(FormatTable({"ID", "DOCUMENT", "CODE", "STAGE", "RUNS", "REDRIVES", "STATE", "FAILED", "MESSAGE"}, rows,
                      TableWidth()));
  }
  return kOk;
}

std::string Describe(const json::object& letter) {
  const json::object& error = ObjectAt(letter, "error");
  const json::object& message = ObjectAt(letter, "message");
  std::string text = fmt::format(
      "id         {}\ndocument   {}\nversion    {}\nerror      {} at {}: {}\nruns       {}\nfailed     {}\nredrives   "
      "{}\n",
      NumberText(letter, "id"), NumberText(letter, "document_id"), NumberText(letter, "version"),
      EscapeControls(TextAt(error, "code")), EscapeControls(TextAt(error, "stage")),
      EscapeControls(TextAt(error, "message")), NumberText(letter, "attempts"),
      EscapeControls(TextAt(letter, "failed_at")), NumberText(letter, "redrives"));
  if (const std::string at = TextAt(letter, "redriven_at"); !at.empty()) {
    text += fmt::format("under way  since {}\n", EscapeControls(at));
  }
  text += fmt::format("original   {}, {}\n", EscapeControls(PlaceOf(ObjectAt(letter, "original"))),
                      EscapeControls(TextAt(letter, "original_timestamp")));
  if (const json::object& copy = ObjectAt(letter, "position"); !copy.empty()) {
    text += fmt::format("copy       {}\n", EscapeControls(PlaceOf(copy)));
  }
  text += fmt::format("key        {}\n", EscapeControls(TextAt(message, "key")));
  for (const json::value& item : ArrayAt(message, "headers")) {
    if (!item.is_object()) continue;
    text += fmt::format("header     {}={}\n", EscapeControls(TextAt(item.get_object(), "name")),
                        EscapeControls(TextAt(item.get_object(), "value")));
  }
  const std::string encoding = TextAt(message, "encoding");
  text +=
      fmt::format("value      {} bytes{}\n\n{}\n", NumberText(letter, "value_bytes"),
                  encoding.empty() ? "" : ", as " + EscapeControls(encoding), EscapeControls(TextAt(message, "value")));
  return text;
}

int Show(int64_t id, const Context& context) {
  HttpClient client(context.connection);
  const auto letter = Call(client, {"GET", fmt::format("/v1/dead-letters/{}", id)});
  if (!letter) return Report(letter.error());
  Print(context.output == OutputFormat::kTable ? Describe(letter->get_object()) : FormatJson(*letter) + "\n");
  return kOk;
}

int Export(const DlqSelection& selection, const Context& context) {
  HttpClient client(context.connection);
  const auto status =
      ForEach(client, selection, static_cast<size_t>(-1), [&](const json::object& letter) -> base::Status {
        auto whole = Call(client, {"GET", fmt::format("/v1/dead-letters/{}", IntegerAt(letter, "id"))});
        if (!whole && whole.error().code == base::Code::kNotFound) return {};  // it left the list meanwhile
        if (!whole) return std::move(whole).error();
        Print(FormatJson(*whole) + "\n");
        return {};
      });
  return status ? kOk : Report(status.error());
}

struct PurgeOptions {
  DlqSelection selection;
  bool execute = false;
};

int Purge(const PurgeOptions& options, const Context& context) {
  if (!CheckDlqSelection("millrace dlq purge", options.selection)) return kUsage;
  HttpClient client(context.connection);
  json::object body = options.selection.Body();
  body["dry_run"] = !options.execute;
  const std::string text = json::serialize(body);
  const auto answer = Call(client, {"POST", "/v1/dead-letters/purge", "application/json", text});
  if (!answer) return Report(answer.error());
  if (context.output != OutputFormat::kTable) {
    Print(FormatJson(*answer) + "\n");
  } else {
    Print(
        fmt::format("{} {}\n", options.execute ? "purged" : "would purge", IntegerAt(answer->get_object(), "matched")));
  }
  if (!options.execute) Complain("nothing was changed: --execute does it");
  const bool named = !options.selection.ids.empty();
  return named && IntegerAt(answer->get_object(), "matched") == 0 ? kNotFound : kOk;
}

CommandBody DeclareList(CLI::App& app) {
  auto options = std::make_shared<ListOptions>();
  AddDlqFilters(app, options->selection);
  auto* limit = app.add_option("--limit", options->limit, "How many at most, newest first")
                    ->type_name("N")
                    ->check(CLI::Range(1, 1 << 30))
                    ->capture_default_str();
  app.add_flag("--all", options->all, "All of them")->excludes(limit);
  return [options](const Context& context) { return List(*options, context); };
}

CommandBody DeclareShow(CLI::App& app) {
  auto id = std::make_shared<int64_t>(0);
  app.add_option("ID", *id, "The dead letter's id")->required()->check(CLI::PositiveNumber);
  return [id](const Context& context) { return Show(*id, context); };
}

CommandBody DeclareExport(CLI::App& app) {
  auto selection = std::make_shared<DlqSelection>();
  AddDlqFilters(app, *selection);
  return [selection](const Context& context) { return Export(*selection, context); };
}

CommandBody DeclarePurge(CLI::App& app) {
  auto options = std::make_shared<PurgeOptions>();
  AddDlqSelection(app, options->selection);
  app.add_flag("--execute", options->execute, "Do it; without, only say how many");
  return [options](const Context& context) { return Purge(*options, context); };
}

}  // namespace

Command DlqListCommand() {
  return {"dlq list", "List dead letters: what could not be processed, and why",
          "  millrace dlq list --code embedding_failed\n  millrace dlq list --all -o jsonl | jq -r .error.code\n",
          DeclareList};
}

Command DlqShowCommand() {
  return {"dlq show", "Show a dead letter with its message", "  millrace dlq show 7\n", DeclareShow};
}

Command DlqExportCommand() {
  return {"dlq export", "Write dead letters with their messages as JSON lines",
          "  millrace dlq export --since 2026-01-15T00:00:00Z > dead.jsonl\n", DeclareExport};
}

Command DlqPurgeCommand() {
  return {"dlq purge", "Take dead letters off the list; their topic keeps them",
          "  millrace dlq purge --code bad_message\n  millrace dlq purge --ids 7,8 --execute\n", DeclarePurge};
}

}  // namespace millrace::cli
