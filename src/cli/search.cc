#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/exit_code.h"
#include "cli/filter_option.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

struct SearchOptions {
  std::vector<std::string> words;
  int top_k = 10;
  std::optional<double> min_score;
  int per_document = 0;
  int lines = 0;
  std::optional<json::value> filter;
};

std::string JoinWords(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string FormatHit(size_t rank, const json::object& hit, size_t width, size_t max_lines) {
  const json::object& document = ObjectAt(hit, "document");
  std::string source = TextAt(document, "key");
  if (source.empty()) source = fmt::format("document {}", IntegerAt(document, "id"));
  std::string title = TextAt(document, "title");
  if (title.empty()) title = "(no title)";
  const std::string head = fmt::format("{:>2}  {:.3f}  ", rank, NumberAt(hit, "score"));
  std::string text = head + CutToWidth(EscapeControls(title + " · " + source), width - head.size()) + "\n";
  constexpr size_t kIndent = 4;
  auto lines = WrapText(TextAt(ObjectAt(hit, "chunk"), "text"), width - kIndent);
  if (max_lines > 0 && lines.size() > max_lines) {
    lines.resize(max_lines);
    lines.push_back("…");
  }
  for (const auto& line : lines) text += std::string(kIndent, ' ') + line + "\n";
  return text;
}

int Search(const SearchOptions& options, const Context& context) {
  json::object body{{"query", JoinWords(options.words)}, {"top_k", options.top_k}};
  if (options.min_score) body["min_score"] = *options.min_score;
  if (options.per_document > 0) body["max_per_document"] = options.per_document;
  if (options.filter) body["filter"] = *options.filter;
  const std::string text = json::serialize(body);
  HttpClient client(context.connection);
  const auto answer = Call(client, {"POST", "/v1/search", "application/json", text});
  if (!answer) return Report(answer.error());
  const json::value* hits = answer->get_object().if_contains("hits");
  const json::array none;
  const json::array& list = hits != nullptr && hits->is_array() ? hits->get_array() : none;
  if (context.output != OutputFormat::kTable) {
    JsonItems items(context.output);
    for (const json::value& hit : list) items.Add(FormatJson(hit));
    items.Finish();
    return kOk;
  }
  if (list.empty()) Complain("no hits");
  size_t rank = 0;
  for (const json::value& hit : list) {
    if (!hit.is_object()) continue;
    if (rank++ > 0) Print("\n");
    Print(FormatHit(rank, hit.get_object(), TextWidth(), static_cast<size_t>(options.lines)));
  }
  return kOk;
}

CommandBody DeclareSearch(CLI::App& app) {
  auto options = std::make_shared<SearchOptions>();
  app.add_option("QUESTION", options->words, "What you want to know, in your words")->required();
  app.add_option("-k,--top-k", options->top_k, "How many hits at most")
      ->type_name("N")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--min-score", options->min_score, "Only hits at least this similar (-1 to 1)")
      ->type_name("X")
      ->check(CLI::Range(-1.0, 1.0));
  app.add_option("--per-document", options->per_document, "Of one document at most so many hits")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  app.add_option("--lines", options->lines, "Of each passage at most so many lines (table only)")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  AddFilterOption(app, "Only documents whose metadata match, as JSON", options->filter);
  return [options](const Context& context) { return Search(*options, context); };
}

}  // namespace

Command SearchCommand() {
  return {"search", "Find the passages that answer a question",
          "  millrace search how do I undo a commit\n"
          "  millrace search -k 3 -o json \"what is a closure?\" | jq '.[].chunk.text'\n",
          DeclareSearch};
}

}  // namespace millrace::cli
