#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/api.h"
#include "cli/batches.h"
#include "cli/command.h"
#include "cli/dlq_selection.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

using std::chrono::steady_clock;

constexpr size_t kFewEnough = 20;  // up to here nobody needs a canary unless it is asked for
constexpr size_t kDefaultCanary = 5;
constexpr auto kLookEvery = std::chrono::milliseconds(500);

struct RedriveOptions {
  DlqSelection selection;
  bool execute = false, has_canary = false;
  double rate = 0;  // dead letters a second; 0: as fast as it goes
  size_t canary = kDefaultCanary;
  int64_t canary_patience = 1800;  // seconds; a document may go through all retry topics first
};

std::string ErrorOf(const json::object& result) { return DescribeProblem(ObjectAt(result, "error")); }

/// Sends or tries out what was selected, and shows what became of each.
class Redrive {
 public:
  Redrive(const RedriveOptions& options, const Context& context)
      : options_(options), output_(context.output), client_(context.connection), items_(context.output) {}

  int Run() {
    if (const auto planned = Plan(); !planned) return Report(planned.error());
    const int code = Answer();
    Flush();
    if (output_ != OutputFormat::kTable) items_.Finish();
    return code;
  }

 private:
  int Answer() {
    if (planned_.empty()) {
      Complain(options_.selection.ids.empty() ? "no dead letters at rest" : "no such dead letters");
      return options_.selection.ids.empty() ? kOk : kNotFound;
    }
    if (!options_.execute) {
      for (const json::object& result : planned_) Show(result);
      Complain("nothing was sent: --execute does it");
      return refused_ == 0 ? kOk : kPartly;
    }
    const int code = Execute();
    if (output_ == OutputFormat::kTable) Complain(fmt::format("{} redriven, {} refused", sent_, refused_));
    return code;
  }

  /// What there is to send, oldest first: a dry run of all of it.
  base::Status Plan() {
    std::string cursor;
    do {
      json::object body = options_.selection.Body();
      if (!cursor.empty()) body["cursor"] = cursor;
      const std::string text = json::serialize(body);
      ASSIGN_OR_RETURN(const json::value answer,
                       Call(client_, {"POST", "/v1/dead-letters/redrive", "application/json", text}));
      for (const json::value& result : ArrayAt(answer.get_object(), "results")) {
        if (result.is_object()) planned_.push_back(result.get_object());
      }
      cursor = TextAt(answer.get_object(), "next_cursor");
    } while (!cursor.empty());
    std::sort(planned_.begin(), planned_.end(),
              [](const auto& a, const auto& b) { return IntegerAt(a, "id") < IntegerAt(b, "id"); });
    return {};
  }

  int Execute() {
    const bool careful = options_.has_canary ? options_.canary > 0 : planned_.size() > kFewEnough;
    size_t next = 0;
    if (careful && options_.canary < planned_.size()) {
      next = options_.canary;
      std::vector<int64_t> canaries;
      if (const auto sent = Send(0, next, &canaries); !sent) return Report(sent.error());
      Flush();
      if (const int code = AwaitCanaries(std::move(canaries)); code != kOk) return code;
    }
    const size_t step = BatchSize(options_.rate);
    auto due = steady_clock::now();
    while (next < planned_.size()) {
      std::this_thread::sleep_until(due);
      const size_t end = std::min(planned_.size(), next + step);
      if (const auto sent = Send(next, end, nullptr); !sent) {
        const int code = Report(sent.error());
        return sent_ > 0 ? kPartly : code;
      }
      if (options_.rate > 0) {
        due += std::chrono::duration_cast<steady_clock::duration>(
            std::chrono::duration<double>(static_cast<double>(end - next) / options_.rate));
      }
      next = end;
    }
    if (refused_ == 0) return kOk;
    return sent_ > 0 ? kPartly : kFailed;
  }

  base::Status Send(size_t begin, size_t end, std::vector<int64_t>* sent) {
    json::array ids;
    for (size_t i = begin; i < end; ++i) ids.push_back(IntegerAt(planned_[i], "id"));
    const std::string text = json::serialize(json::object{{"ids", std::move(ids)}, {"dry_run", false}});
    ASSIGN_OR_RETURN(const json::value answer,
                     Call(client_, {"POST", "/v1/dead-letters/redrive", "application/json", text}));
    for (const json::value& item : ArrayAt(answer.get_object(), "results")) {
      if (!item.is_object()) continue;
      const json::object& result = item.get_object();
      Show(result);
      if (TextAt(result, "result") != "redriven") continue;
      ++sent_;
      if (sent != nullptr) sent->push_back(IntegerAt(result, "id"));
    }
    return {};
  }

  /// Until all have left the list: what they came from is repaired. One that comes back ends everything.
  int AwaitCanaries(std::vector<int64_t> canaries) {
    Complain(fmt::format("waiting for the first {} before the other {} are sent", canaries.size(),
                         planned_.size() - options_.canary));
    const auto patience = steady_clock::now() + std::chrono::seconds(options_.canary_patience);
    while (!canaries.empty()) {
      const auto letter = Call(client_, {"GET", fmt::format("/v1/dead-letters/{}", canaries.back())});
      if (!letter && letter.error().code == base::Code::kNotFound) {
        canaries.pop_back();
        continue;
      }
      if (!letter) return Report(letter.error()), kPartly;
      if (TextAt(letter->get_object(), "redriven_at").empty()) {
        Complain(fmt::format("stopped: dead letter {} came back: {}; {} were not sent", canaries.back(),
                             TextAt(ObjectAt(letter->get_object(), "error"), "message"),
                             planned_.size() - options_.canary));
        return kPartly;
      }
      if (steady_clock::now() > patience) {
        Complain(fmt::format("stopped: dead letter {} is still under way after {} s; {} were not sent", canaries.back(),
                             options_.canary_patience, planned_.size() - options_.canary));
        return kPartly;
      }
      std::this_thread::sleep_for(kLookEvery);
    }
    return kOk;
  }

  void Show(const json::object& result) {
    if (TextAt(result, "result") == "refused") ++refused_;
    if (output_ != OutputFormat::kTable) {
      items_.Add(FormatJson(result));
    } else {
      rows_.push_back(
          {NumberText(result, "id"), NumberText(result, "document_id"), TextAt(result, "result"), ErrorOf(result)});
    }
  }

  void Flush() {
    if (!rows_.empty()) Print(FormatTable({"ID", "DOCUMENT", "RESULT", "ERROR"}, rows_, TableWidth()));
    rows_.clear();
    FlushOutput();
  }

  const RedriveOptions& options_;
  const OutputFormat output_;
  HttpClient client_;
  JsonItems items_;
  std::vector<json::object> planned_;
  std::vector<std::vector<std::string>> rows_;
  size_t sent_ = 0, refused_ = 0;
};

CommandBody Declare(CLI::App& app) {
  auto options = std::make_shared<RedriveOptions>();
  AddDlqSelection(app, options->selection);
  app.add_flag("--execute", options->execute, "Do it; without, only show what would be sent");
  AddRateOption(app, options->rate);
  auto* canary = app.add_option("--canary", options->canary,
                                "Send so many first, and the others once these succeeded; 0: all at once (default 5 "
                                "when there are more than 20)")
                     ->type_name("N");
  app.add_option("--canary-patience", options->canary_patience, "How long these may take, in seconds")
      ->type_name("S")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  return [options, canary](const Context& context) -> int {
    if (!CheckDlqSelection("millrace dlq redrive", options->selection)) return kUsage;
    options->has_canary = canary->count() > 0;
    return Redrive(*options, context).Run();
  };
}

}  // namespace

Command DlqRedriveCommand() {
  return {"dlq redrive", "Send dead letters again; without --execute only show which",
          "  millrace dlq redrive --code embedding_failed\n"
          "  millrace dlq redrive --all --execute --rate 10/s --canary 5\n"
          "  millrace dlq redrive --ids 7,8 --execute\n",
          Declare};
}

}  // namespace millrace::cli
