#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "cli/api.h"
#include "cli/command.h"
#include "cli/delete_receipt.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kPageSize = 500;

struct ListOptions {
  std::string status, key;
  size_t limit = 100;
  bool all = false;
};

const json::array& ItemsOf(const json::value& answer, std::string_view member) {
  static const json::array kNone;
  const json::value* items = answer.get_object().if_contains(json::string_view(member.data(), member.size()));
  return items != nullptr && items->is_array() ? items->get_array() : kNone;
}

/// Follows the cursor through `path`, page by page, up to `limit` items. `filter`: more of the query, "&status=failed".
template <typename TakePage>
base::Status ForEachPage(HttpClient& client, const std::string& path, const std::string& filter,
                         std::string_view member, size_t limit, TakePage take) {
  std::string cursor;
  while (limit > 0) {
    const std::string from = cursor.empty() ? "" : "&cursor=" + EncodeQueryValue(cursor);
    ASSIGN_OR_RETURN(
        const json::value answer,
        Call(client, {"GET", fmt::format("{}?limit={}{}{}", path, std::min(limit, kPageSize), filter, from)}));
    const json::array& items = ItemsOf(answer, member);
    take(items);
    limit -= std::min(limit, items.size());
    const std::string next = TextAt(answer.get_object(), "next_cursor");
    if (next.empty() || items.empty() || next == cursor) break;
    cursor = next;
  }
  return {};
}

std::vector<std::string> DocumentRow(const json::object& document) {
  return {std::to_string(IntegerAt(document, "id")),
          TextAt(document, "status"),
          std::to_string(IntegerAt(document, "chunks")),
          TextAt(document, "updated_at").substr(0, 19),
          TextAt(document, "title"),
          TextAt(document, "key")};
}

int List(const ListOptions& options, const Context& context) {
  HttpClient client(context.connection);
  const std::string filter =
      fmt::format("{}{}", options.status.empty() ? "" : "&status=" + EncodeQueryValue(options.status),
                  options.key.empty() ? "" : "&key=" + EncodeQueryValue(options.key));
  const size_t limit = options.all ? static_cast<size_t>(-1) : options.limit;
  JsonItems items(context.output);
  std::vector<std::vector<std::string>> rows;
  bool shown = false;
  const auto show_rows = [&] {
    if (rows.empty()) return;
    std::string text = FormatTable({"ID", "STATUS", "CHUNKS", "UPDATED", "TITLE", "KEY"}, rows, TableWidth());
    if (shown) text.erase(0, text.find('\n') + 1);
    Print(text);
    shown = true;
    rows.clear();
  };
  const auto status = ForEachPage(client, "/v1/documents", filter, "documents", limit, [&](const json::array& page) {
    for (const json::value& document : page) {
      if (context.output != OutputFormat::kTable) {
        items.Add(FormatJson(document));
      } else if (document.is_object()) {
        rows.push_back(DocumentRow(document.get_object()));
      }
    }
    show_rows();
  });
  if (!status) return Report(status.error());
  if (context.output != OutputFormat::kTable) {
    items.Finish();
  } else if (!shown) {
    Complain("no documents");
  }
  return kOk;
}

base::Result<json::value> FetchByKey(HttpClient& client, const std::string& key) {
  ASSIGN_OR_RETURN(const json::value answer,
                   Call(client, {"GET", "/v1/documents?limit=1&key=" + EncodeQueryValue(key)}));
  const json::array& found = ItemsOf(answer, "documents");
  if (found.empty() || !found.front().is_object()) {
    return base::Error{base::Code::kNotFound, fmt::format("no document has the key {}", key), {}};
  }
  return found.front();
}

std::string ShowValue(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : FormatJson(value);
}

int Show(const std::string& id, const std::string& key, const Context& context) {
  if (id.empty() == key.empty()) {
    Complain("millrace documents show: name an ID, or a key with --key");
    return kUsage;
  }
  HttpClient client(context.connection);
  const auto document = key.empty() ? Call(client, {"GET", "/v1/documents/" + id}) : FetchByKey(client, key);
  if (!document) return Report(document.error());
  if (context.output != OutputFormat::kTable) {
    Print(FormatJson(*document) + "\n");
    return kOk;
  }
  std::string text;
  for (const auto& [name, value] : document->get_object()) {
    if (!value.is_null())
      text += fmt::format("{:<16} {}\n", EscapeControls(std::string_view(name)), EscapeControls(ShowValue(value)));
  }
  Print(text);
  return kOk;
}

int Chunks(const std::string& id, const Context& context) {
  HttpClient client(context.connection);
  JsonItems items(context.output);
  const auto status =
      ForEachPage(client, fmt::format("/v1/documents/{}/chunks", id), "", "chunks", static_cast<size_t>(-1),
                  [&](const json::array& page) {
                    for (const json::value& chunk : page) {
                      if (context.output != OutputFormat::kTable) {
                        items.Add(FormatJson(chunk));
                      } else if (chunk.is_object()) {
                        const json::object& range = ObjectAt(chunk.get_object(), "range");
                        std::string text = fmt::format("#{}  {}-{}\n", IntegerAt(chunk.get_object(), "index"),
                                                       IntegerAt(range, "start"), IntegerAt(range, "end"));
                        for (const auto& line : WrapText(TextAt(chunk.get_object(), "text"), TextWidth() - 4)) {
                          text += "    " + line + "\n";
                        }
                        Print(text);
                      }
                    }
                  });
  if (!status) return Report(status.error());
  if (context.output != OutputFormat::kTable) items.Finish();
  return kOk;
}

std::vector<std::string> VersionRow(const json::object& version) {
  const auto is = [&](std::string_view name) {
    const json::value* value = version.if_contains(name);
    return value != nullptr && *value == true;
  };
  std::string state = is("newest") ? "newest" : "";
  if (is("indexed")) state += state.empty() ? "indexed" : ", indexed";
  return {std::to_string(IntegerAt(version, "version")),       state,
          std::to_string(IntegerAt(version, "content_bytes")), TextAt(version, "overtaken_at").substr(0, 19),
          TextAt(version, "kept_until").substr(0, 19),         TextAt(version, "title")};
}

int Versions(const std::string& id, const Context& context) {
  HttpClient client(context.connection);
  JsonItems items(context.output);
  std::vector<std::vector<std::string>> rows;
  const auto status = ForEachPage(client, fmt::format("/v1/documents/{}/versions", id), "", "versions",
                                  static_cast<size_t>(-1), [&](const json::array& page) {
                                    for (const json::value& version : page) {
                                      if (context.output != OutputFormat::kTable) {
                                        items.Add(FormatJson(version));
                                      } else if (version.is_object()) {
                                        rows.push_back(VersionRow(version.get_object()));
                                      }
                                    }
                                  });
  if (!status) return Report(status.error());
  if (context.output != OutputFormat::kTable) {
    items.Finish();
  } else {
    Print(FormatTable({"VERSION", "STATE", "BYTES", "OVERTAKEN", "KEPT UNTIL", "TITLE"}, rows, TableWidth()));
  }
  return kOk;
}

struct ContentOptions {
  std::string id;
  std::int64_t version = 0;  // 0: the newest
};

int Content(const ContentOptions& options, const Context& context) {
  HttpClient client(context.connection);
  const std::string query = options.version > 0 ? fmt::format("?version={}", options.version) : "";
  const std::string path = fmt::format("/v1/documents/{}/content{}", options.id, query);
  const auto answer = client.Send({"GET", path});
  if (!answer) return Report(answer.error());
  if (answer->status != 200) return Report(ReadAnswer(*answer).error());
  Print(answer->body);
  return kOk;
}

struct DeleteOptions {
  std::vector<std::string> ids;
  bool verify = false;
  int timeout = 5;
};

/// Without a receipt there is nothing to doubt.
bool IsVerified(const json::value& answer) {
  const json::value* verified = answer.is_object() ? answer.get_object().if_contains("verified") : nullptr;
  return verified == nullptr || *verified == true;
}

int Delete(const DeleteOptions& options, const Context& context) {
  const std::vector<std::string>& ids = options.ids;
  const std::string query = options.verify ? fmt::format("?verify=true&timeout={}", options.timeout) : "";
  HttpClient client(context.connection);
  JsonItems items(context.output);
  size_t deleted = 0, missing = 0;
  bool verified = true;
  for (const auto& id : ids) {
    Request request{"DELETE", "/v1/documents/" + id + query};
    request.timeout_seconds += options.timeout;
    const auto answer = Call(client, request);
    if (!answer) {
      if (answer.error().code == base::Code::kNotFound) ++missing;
      Complain(fmt::format("millrace: {}: {}", id, answer.error().message));
      if (answer.error().code == base::Code::kUnavailable) break;
      continue;
    }
    ++deleted;
    verified = verified && IsVerified(*answer);
    if (context.output == OutputFormat::kTable) {
      Print(options.verify && answer->is_object() ? DescribeReceipt(answer->get_object())
                                                  : fmt::format("deleted {}\n", id));
    } else {
      items.Add(FormatJson(*answer));
    }
  }
  if (context.output != OutputFormat::kTable) items.Finish();
  if (!verified) return kFailed;
  if (deleted == ids.size()) return kOk;
  if (deleted > 0) return kPartly;
  return missing == ids.size() ? kNotFound : kFailed;
}

/// Ids go into the path: digits only.
const CLI::Validator& IsId() {
  static const CLI::Validator validator(
      [](std::string& text) {
        const bool digits =
            !text.empty() && text.size() < 20 && text.find_first_not_of("0123456789") == std::string::npos;
        return digits ? std::string() : "'" + text + "' is not a document's id";
      },
      "ID");
  return validator;
}

CommandBody DeclareList(CLI::App& app) {
  auto options = std::make_shared<ListOptions>();
  app.add_option("--status", options->status, "Only documents in this status, such as indexed or failed")
      ->type_name("S");
  app.add_option("--key", options->key, "Only the document with this key")->type_name("K");
  auto* limit = app.add_option("--limit", options->limit, "How many at most, newest first")
                    ->type_name("N")
                    ->check(CLI::Range(1, 1 << 30))
                    ->capture_default_str();
  app.add_flag("--all", options->all, "All of them")->excludes(limit);
  return [options](const Context& context) { return List(*options, context); };
}

CommandBody DeclareShow(CLI::App& app) {
  auto id = std::make_shared<std::string>();
  auto key = std::make_shared<std::string>();
  app.add_option("ID", *id, "The document's id")->check(IsId());
  app.add_option("--key", *key, "Its key instead")->type_name("K");
  return [id, key](const Context& context) { return Show(*id, *key, context); };
}

CommandBody DeclareChunks(CLI::App& app) {
  auto id = std::make_shared<std::string>();
  app.add_option("ID", *id, "The document's id")->required()->check(IsId());
  return [id](const Context& context) { return Chunks(*id, context); };
}

CommandBody DeclareVersions(CLI::App& app) {
  auto id = std::make_shared<std::string>();
  app.add_option("ID", *id, "The document's id")->required()->check(IsId());
  return [id](const Context& context) { return Versions(*id, context); };
}

CommandBody DeclareContent(CLI::App& app) {
  auto options = std::make_shared<ContentOptions>();
  app.add_option("ID", options->id, "The document's id")->required()->check(IsId());
  app.add_option("--version", options->version, "Another version than the newest; documents versions lists them")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 60));
  return [options](const Context& context) { return Content(*options, context); };
}

CommandBody DeclareDelete(CLI::App& app) {
  auto options = std::make_shared<DeleteOptions>();
  app.add_option("ID", options->ids, "The documents' ids")->required()->check(IsId());
  auto* verify = app.add_flag("--verify", options->verify,
                              "Print a receipt; exit with 1 when anything is left or an instance did not confirm");
  app.add_option("--timeout", options->timeout, "How long to wait for the other instances")
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 60))
      ->needs(verify)
      ->capture_default_str();
  return [options](const Context& context) { return Delete(*options, context); };
}

}  // namespace

Command DocumentsListCommand() {
  return {"documents list", "List documents, newest first",
          "  millrace documents list --status failed\n  millrace documents list --all -o jsonl | jq -r .key\n",
          DeclareList};
}

Command DocumentsShowCommand() {
  return {"documents show", "Show one document: its status, steps and error",
          "  millrace documents show 12\n  millrace documents show --key docs/git-clone.html\n", DeclareShow};
}

Command DocumentsChunksCommand() {
  return {"documents chunks", "Show the chunks a document was cut into", "  millrace documents chunks 12\n",
          DeclareChunks};
}

Command DocumentsVersionsCommand() {
  return {"documents versions", "List the versions of a document whose text is still there",
          "  millrace documents versions 12\n", DeclareVersions};
}

Command DocumentsContentCommand() {
  return {"documents content", "Print a document's text",
          "  millrace documents content 12\n  millrace documents content 12 --version 3\n", DeclareContent};
}

Command DocumentsDeleteCommand() {
  return {"documents delete", "Delete documents",
          "  millrace documents delete 12 13\n  millrace documents delete 12 --verify\n", DeclareDelete};
}

}  // namespace millrace::cli
