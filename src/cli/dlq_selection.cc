#include "cli/dlq_selection.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/duration.h"
#include "cli/http_client.h"
#include "cli/output.h"

namespace millrace::cli {
namespace json = boost::json;

std::string DlqSelection::Query() const {
  std::string query;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) query += fmt::format("&{}={}", name, EncodeQueryValue(value));
  };
  add("code", code);
  add("stage", stage);
  add("since", since);
  add("until", until);
  add("document_id", document > 0 ? std::to_string(document) : "");
  return query;
}

json::object DlqSelection::Body() const {
  json::object body;
  if (!ids.empty()) {
    body["ids"] = json::array(ids.begin(), ids.end());
    return body;
  }
  json::object filter;
  if (!code.empty()) filter["code"] = code;
  if (!stage.empty()) filter["stage"] = stage;
  if (!since.empty()) filter["since"] = since;
  if (!until.empty()) filter["until"] = until;
  if (document > 0) filter["document_id"] = document;
  body["filter"] = std::move(filter);
  return body;
}

void AddDlqFilters(CLI::App& app, DlqSelection& selection) {
  app.add_option("--code", selection.code, "Only those with this error code, such as bad_message")->type_name("C");
  app.add_option("--stage", selection.stage, "Only those that failed at this stage, such as embed")->type_name("S");
  app.add_option("--document", selection.document, "Only those of this document")
      ->type_name("ID")
      ->check(CLI::PositiveNumber);
  app.add_option("--since", selection.since,
                 "Only those that failed at or after this time: 2026-01-15T10:30:00Z, or 24h for a day ago")
      ->type_name("T")
      ->transform(TimeOf);
  app.add_option("--until", selection.until, "Only those that failed before this time")
      ->type_name("T")
      ->transform(TimeOf);
}

void AddDlqSelection(CLI::App& app, DlqSelection& selection) {
  app.add_option("--ids", selection.ids, "These, comma-separated")
      ->type_name("ID")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  AddDlqFilters(app, selection);
  app.add_flag("--all", selection.all, "All of them");
}

bool CheckDlqSelection(const char* who, const DlqSelection& selection) {
  const int ways = (selection.ids.empty() ? 0 : 1) + (selection.has_filter() ? 1 : 0) + (selection.all ? 1 : 0);
  if (ways == 1) return true;
  Complain(fmt::format("{}: which ones? Give --ids, or filters, or --all", who));
  return false;
}

}  // namespace millrace::cli
