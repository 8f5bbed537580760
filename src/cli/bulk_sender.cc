#include "cli/bulk_sender.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/bounded_queue.h"
#include "base/deadline.h"
#include "cli/api.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

using Batch = std::vector<OutgoingDocument>;

constexpr size_t kLanes = 2;
constexpr long kAnswerSeconds = 120;
constexpr double kFirstPause = 0.25, kLongestPause = 8, kLongestRetryAfter = 60;

bool IsKeyless(const OutgoingDocument& document) { return document.key.empty(); }

/// A name that no other request has, of this run or any other.
std::string NewRequestName() {
  static const std::string run = [] {
    std::random_device random;
    return fmt::format("ingest-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  }();
  static std::atomic<std::uint64_t> number{0};
  return fmt::format("{}-{}", run, ++number);
}

std::string JoinLines(const Batch& batch) {
  std::string body;
  for (const auto& document : batch) body.append(document.json).append("\n");
  return body;
}

/// The server refuses us, not this batch: the next one would fare no better.
bool RefusesUs(int status) { return status == 401 || status == 403 || status == 404 || status == 405 || status == 421; }
bool IsOverload(int64_t status) { return status == 429 || status == 503; }

}  // namespace

struct BulkSender::Shared {
  Connection connection;
  SendOptions options;
  IngestTally& tally;
  std::atomic<bool> stopped{false};
  std::mutex mutex;
  std::optional<base::Error> reason;  // under mutex

  void Stop(base::Error error) {
    std::lock_guard lock(mutex);
    if (!reason) reason = std::move(error);
    stopped = true;
  }
};

class BulkSender::Lane {
 public:
  explicit Lane(Shared& shared) : shared_(shared), client_(shared.connection), thread_([this] { Work(); }) {}

  ~Lane() {
    queue_.Close();
    thread_.join();
  }

  bool Add(OutgoingDocument document) {
    const size_t size = document.json.size() + 1;
    const SendOptions& options = shared_.options;
    if (batch_.size() >= options.max_batch_documents ||
        (!batch_.empty() && batch_bytes_ + size > options.max_batch_bytes)) {
      Flush();
    }
    if (shared_.stopped) {
      shared_.tally.Fail(document.name, "not sent");
      return false;
    }
    batch_bytes_ += size;
    batch_.push_back(std::move(document));
    return true;
  }

  void Flush() {
    while (!batch_.empty() && !shared_.stopped) {
      if (queue_.Push(std::move(batch_), base::Deadline::AfterSeconds(0.5))) break;
    }
    if (shared_.stopped) FailAll(batch_, "not sent");
    batch_.clear();
    batch_bytes_ = 0;
  }

  void Drain() {
    queue_.Close();
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return done_; });
  }

 private:
  void Work() {
    for (;;) {
      auto batch = queue_.Pop(base::Deadline::AfterSeconds(1));
      if (batch) {
        Deliver(std::move(*batch));
      } else if (queue_.closed() && queue_.size() == 0) {
        break;
      }
    }
    std::lock_guard lock(mutex_);
    done_ = true;
    idle_.notify_all();
  }

  void FailAll(const Batch& batch, const std::string& reason) {
    for (const auto& document : batch) shared_.tally.Fail(document.name, reason);
  }

  /// Sends until every document has an answer, or there is no hope.
  void Deliver(Batch batch) {
    const std::string name = NewRequestName();
    auto last_progress = base::Deadline::Clock::now();
    double pause = kFirstPause;
    while (!batch.empty() && !shared_.stopped) {
      const size_t before = batch.size();
      const Attempt attempt = Try(&batch, name);
      if (batch.empty()) return;
      if (batch.size() < before) {
        last_progress = base::Deadline::Clock::now();
        pause = kFirstPause;
      }
      const double patience =
          attempt.reached ? shared_.options.overloaded_seconds : shared_.options.unreachable_seconds;
      if (base::Deadline::Clock::now() - last_progress >= std::chrono::duration<double>(patience)) {
        shared_.Stop(attempt.error);
      } else {
        Pause(std::max(pause, std::min(attempt.retry_after, kLongestRetryAfter)));
        pause = std::min(pause * 2, kLongestPause);
      }
    }
    FailAll(batch, "not sent");
  }

  struct Attempt {
    bool reached = true;     // the server answered
    double retry_after = 0;  // seconds
    base::Error error;       // why documents are left in the batch
  };

  /// Sends once; leaves in `batch` what is to be sent again. A document without a key is a new one each time, so that a
  /// request with such documents has a key itself: of `name` and their number, for a batch only ever gets smaller.
  Attempt Try(Batch* batch, const std::string& name) {
    Request request{"POST", "/v1/documents/bulk", "application/x-ndjson", {}, kAnswerSeconds};
    const std::string body = JoinLines(*batch);
    request.body = body;
    if (std::any_of(batch->begin(), batch->end(), IsKeyless)) {
      request.idempotency_key = fmt::format("{}-{}", name, batch->size());
    }
    auto response = client_.Send(request);
    if (!response) {
      return {false, 0, response.error()};
    }
    const std::string problem = response->status == 200 ? "" : DescribeProblem(response->status, response->body);
    // 409: the request that was cut off is still at work there.
    if (IsOverload(response->status) || response->status == 409) {
      return {true, response->retry_after_seconds.value_or(0), {base::Code::kOverloaded, problem, {}}};
    }
    if (response->status == 200) return Settle(batch, *response);
    if (response->status == 413 && batch->size() > 1) {
      const auto middle = batch->begin() + static_cast<std::ptrdiff_t>(batch->size() / 2);
      Deliver(Batch(std::make_move_iterator(batch->begin()), std::make_move_iterator(middle)));
      batch->erase(batch->begin(), middle);
      return Try(batch, name);
    }
    if (RefusesUs(response->status)) shared_.Stop({base::Code::kInvalidArgument, problem, {}});
    FailAll(*batch, problem);
    batch->clear();
    return {};
  }

  /// Reads a line of the answer per document.
  Attempt Settle(Batch* batch, const Response& response) {
    std::vector<bool> answered(batch->size(), false);
    Batch again;
    std::string_view rest = response.body;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const auto line = ParseJson(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (!line || !line->is_object()) continue;
      const auto number = static_cast<size_t>(IntegerAt(line->get_object(), "line"));
      if (number == 0 || number > batch->size() || answered[number - 1]) continue;
      answered[number - 1] = true;
      OutgoingDocument& document = (*batch)[number - 1];
      if (!SettleOne(document, line->get_object())) again.push_back(std::move(document));
    }
    for (size_t i = 0; i < answered.size(); ++i) {
      if (answered[i]) continue;
      OutgoingDocument& document = (*batch)[i];
      if (IsKeyless(document)) {  // with a smaller batch it would be another request
        shared_.tally.Fail(document.name, "the server did not answer for it; it may have been accepted");
      } else {
        again.push_back(std::move(document));
      }
    }
    *batch = std::move(again);
    return {true, response.retry_after_seconds.value_or(0), {base::Code::kOverloaded, "the server is overloaded", {}}};
  }

  /// False when the server had no room for it just now.
  bool SettleOne(const OutgoingDocument& document, const json::object& line) {
    const std::string result = TextAt(line, "result");
    if (result == "created" || result == "updated" || result == "unchanged") {
      shared_.tally.Accept(
          {IntegerAt(line, "document_id"), IntegerAt(line, "version"), document.name, result == "unchanged"});
      return true;
    }
    const json::object& error = ObjectAt(line, "error");
    if (IsOverload(IntegerAt(error, "status"))) return false;
    const std::string reason = DescribeProblem(error);
    shared_.tally.Fail(document.name, reason.empty() ? "rejected by the server" : reason);
    return true;
  }

  void Pause(double seconds) {
    const auto deadline = base::Deadline::AfterSeconds(seconds);
    while (!deadline.expired() && !shared_.stopped) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }

  Shared& shared_;
  HttpClient client_;
  base::BoundedQueue<Batch> queue_{1};
  Batch batch_;  // being filled, by the thread that adds
  size_t batch_bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable idle_;
  bool done_ = false;
  std::thread thread_;
};

BulkSender::BulkSender(const Connection& connection, const SendOptions& options, IngestTally& tally)
    : shared_(new Shared{connection, options, tally, {}, {}, {}}) {
  for (size_t i = 0; i < kLanes; ++i) lanes_.push_back(std::make_unique<Lane>(*shared_));
}

BulkSender::~BulkSender() { shared_->stopped = true; }

bool BulkSender::Add(OutgoingDocument document) {
  const size_t lane = document.key.empty() ? next_lane_++ : std::hash<std::string>()(document.key);
  return lanes_[lane % kLanes]->Add(std::move(document));
}

base::Status BulkSender::Finish() {
  for (auto& lane : lanes_) lane->Flush();
  for (auto& lane : lanes_) lane->Drain();
  std::lock_guard lock(shared_->mutex);
  if (shared_->reason) return *shared_->reason;
  return {};
}

bool BulkSender::stopped() const { return shared_->stopped; }

}  // namespace millrace::cli
