#include "cli/delete_receipt.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <vector>

#include "cli/api.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

using TableRows = std::vector<std::vector<std::string>>;

std::vector<std::string> CountRow(std::string name, const json::object& count) {
  return {std::move(name), NumberText(count, "found"), NumberText(count, "left")};
}

std::string KeptUntil(const json::object& record) {
  const json::value* for_ever = record.if_contains("for_ever");
  if (for_ever != nullptr && for_ever->is_bool() && for_ever->get_bool()) return "for ever";
  const std::string until = TextAt(record, "kept_until");
  return until.empty() ? "not known" : until;
}

}  // namespace

std::string DescribeReceipt(const json::object& receipt) {
  const bool already = receipt.contains("already_deleted") && receipt.at("already_deleted") == true;
  const bool verified = receipt.contains("verified") && receipt.at("verified") == true;
  std::string text =
      fmt::format("document {}: {}{}\n\n", IntegerAt(receipt, "id"), already ? "was deleted before" : "deleted",
                  verified ? ", verified" : ", NOT verified");
  TableRows counts;
  for (const auto& member : ObjectAt(receipt, "store")) {
    if (member.value().is_object())
      counts.push_back(CountRow("store " + std::string(member.key()), member.value().get_object()));
  }
  if (const auto& cache = ObjectAt(receipt, "cache"); !cache.empty()) counts.push_back(CountRow("cache", cache));
  counts.push_back(CountRow("index", ObjectAt(receipt, "index")));
  text += FormatTable({"WHERE", "FOUND", "LEFT"}, counts, TableWidth());

  TableRows instances;
  for (const json::value& one : ArrayAt(receipt, "instances")) {
    if (!one.is_object()) continue;
    const json::object& instance = one.get_object();
    instances.push_back({TextAt(instance, "role"), TextAt(instance, "url"), TextAt(instance, "state")});
  }
  text += "\n" + FormatTable({"INSTANCE", "URL", "STATE"}, instances, TableWidth());

  TableRows records;
  for (const json::value& one : ArrayAt(receipt, "log")) {
    if (!one.is_object()) continue;
    const json::object& record = one.get_object();
    records.push_back(
        {TextAt(record, "topic"), NumberText(record, "partition"), NumberText(record, "offset"), KeptUntil(record)});
  }
  if (!records.empty()) {
    text += "\nStill in the log:\n" + FormatTable({"TOPIC", "PARTITION", "OFFSET", "UNTIL"}, records, TableWidth());
  }
  for (const char* trouble : {"cache_error", "log_error"}) {
    if (const std::string why = TextAt(receipt, trouble); !why.empty())
      text += fmt::format("\n{}\n", EscapeControls(why));
  }
  return text;
}

}  // namespace millrace::cli
