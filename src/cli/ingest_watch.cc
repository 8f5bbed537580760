#include "cli/ingest_watch.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <chrono>
#include <utility>

#include "base/deadline.h"
#include "cli/api.h"
#include "cli/progress_line.h"
#include "cli/status.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr auto kTick = std::chrono::milliseconds(500);
constexpr auto kShortNap = std::chrono::milliseconds(20);
constexpr int kPendingPerTick = 8;

enum class Fate { kPending, kIndexed, kFailed };

Fate FateOf(const json::object& document, int64_t version, std::string* reason) {
  const std::string status = TextAt(document, "status");
  if (IntegerAt(document, "indexed_version") >= version) return Fate::kIndexed;
  if (status != "failed" && status != "dead_lettered" && status != "deleted") return Fate::kPending;
  *reason = TextAt(ObjectAt(document, "error"), "message");
  if (reason->empty()) *reason = status;
  return Fate::kFailed;
}

}  // namespace

class IngestWatch::Display {
 public:
  void Show(HttpClient& client, const IngestCounts& counts, size_t files_done, size_t file_count) {
    std::string text = file_count > 0 ? fmt::format("files {}/{} · ", files_done, file_count) : std::string();
    text += fmt::format("indexed {}/{}", counts.indexed, counts.accepted);
    if (counts.unchanged > 0) text += fmt::format(" · unchanged {}", counts.unchanged);
    if (counts.failed > 0) text += fmt::format(" · failed {}", counts.failed);
    if (const auto status = Call(client, {"GET", "/v1/status"})) text += DescribeRates(status->get_object());
    line_.Show(text);
  }

 private:
  ProgressLine line_;
};

IngestWatch::IngestWatch(const Connection& connection, const WatchOptions& options, IngestTally& tally)
    : client_(connection), options_(options), tally_(tally), display_(std::make_unique<Display>()), thread_([this] {
        Run();
      }) {}

IngestWatch::~IngestWatch() {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

base::Status IngestWatch::Finish() {
  all_sent_ = true;
  thread_.join();
  display_.reset();
  if (gone_) return last_error_;
  return {};
}

void IngestWatch::Run() {
  auto last_answer = base::Deadline::Clock::now();
  auto next_tick = last_answer;
  while (!cancelled_) {
    if (all_sent_ && (!options_.wait || tally_.counts().awaited == 0)) return;
    const auto now = base::Deadline::Clock::now();
    if (now < next_tick) {
      std::this_thread::sleep_for(kShortNap);
      continue;
    }
    next_tick = now + kTick;
    if (!options_.wait || LookAtAwaited()) last_answer = base::Deadline::Clock::now();
    // While documents are being sent, giving up is the sender's decision.
    if (all_sent_ && now - last_answer >= std::chrono::duration<double>(options_.unreachable_seconds)) {
      gone_ = true;
      return;
    }
    display_->Show(client_, tally_.counts(), files_done_, file_count_);
  }
}

bool IngestWatch::LookAtAwaited() {
  const auto end = base::Deadline::After(kTick);
  AwaitedDocument document;
  // A few that are not done yet are enough to know: they go to the back, and the rest will hardly be further.
  for (int pending = 0; pending < kPendingPerTick && !end.expired() && tally_.TakeAwaited(&document);) {
    const auto answer = Call(client_, {"GET", fmt::format("/v1/documents/{}", document.id)});
    std::string reason;
    if (!answer && answer.error().code == base::Code::kNotFound) {
      tally_.FailAwaited(document, "deleted before it was indexed");
      continue;
    }
    if (!answer) {
      last_error_ = answer.error();
      tally_.PutBack(std::move(document));
      return false;
    }
    switch (FateOf(answer->get_object(), document.version, &reason)) {
      case Fate::kIndexed: tally_.Settle(document); break;
      case Fate::kFailed: tally_.FailAwaited(document, reason); break;
      case Fate::kPending: tally_.PutBack(std::move(document)); ++pending;
    }
  }
  return true;
}

}  // namespace millrace::cli
