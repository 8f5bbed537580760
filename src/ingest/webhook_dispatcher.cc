#include "ingest/webhook_dispatcher.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>

#include "base/log.h"
#include "base/utf8.h"
#include "core/document_event.h"
#include "core/schema_registry.h"
#include "core/sha256.h"

namespace millrace::ingest {
namespace {

using base::Deadline;

constexpr auto kPollTimeout = std::chrono::milliseconds(100);
constexpr auto kRevokeDrain = std::chrono::seconds(8);  // below the group's patience with a member that does not answer
constexpr auto kStoreTimeout = std::chrono::seconds(10);
constexpr auto kLookAgain = std::chrono::minutes(1);
constexpr auto kLongestAsked = std::chrono::minutes(5);  // of Retry-After

bool IsAway(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }
bool IsWorthAnotherTry(int status) { return status == 408 || status == 425 || status >= 500; }

/// The same however often the event is sent: after a redrive, and when the relay, after a crash, carried it to the log
/// twice. So it is made of what the event says, which has its time in it, and not of where it lies.
std::string EventId(const core::LogRecord& record) {
  constexpr std::size_t kDigits = 32;
  return fmt::format("{}-{}", core::kEventsTopic, core::Sha256Hex(core::Payload(*record.value)).substr(0, kDigits));
}

std::chrono::milliseconds Jittered(std::chrono::milliseconds delay) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::chrono::milliseconds(
      std::uniform_int_distribution<std::int64_t>(delay.count() / 2, delay.count())(random));
}

base::Counter& CountOutcome(base::Metrics& metrics, const char* outcome) {
  return metrics.AddCounter("millrace_webhook_requests_total", "Webhook requests by what became of them.",
                            {{"outcome", outcome}});
}

}  // namespace

base::Result<std::set<core::DocumentStatus>> ParseWebhookEvents(std::string_view text) {
  std::set<core::DocumentStatus> statuses;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const auto status = core::ParseStatus(base::TrimWhiteSpace(text.substr(0, comma)));
    if (!status) {
      return base::Error{base::Code::kInvalidArgument,
                         "some of queued, processing, retrying, indexed, failed, dead_lettered, superseded, deleted, "
                         "comma-separated",
                         {}};
    }
    statuses.insert(*status);
    if (comma == text.size()) return statuses;
    text.remove_prefix(comma + 1);
  }
}

WebhookDispatcher::WebhookDispatcher(std::unique_ptr<core::LogConsumer> consumer, Ports ports,
                                     core::StoreIdentity store, WebhookOptions options, base::Metrics& metrics)
    : consumer_(std::move(consumer)),
      ports_(ports),
      store_(std::move(store)),
      options_(std::move(options)),
      delivered_(CountOutcome(metrics, "accepted")),
      failed_(CountOutcome(metrics, "failed")),
      away_tries_(CountOutcome(metrics, "away")),
      dead_lettered_(metrics.AddCounter("millrace_webhook_dead_letters_total", "Events given up as dead letters.")),
      seconds_(metrics.AddHistogram("millrace_webhook_seconds", "Time to the answer of a webhook request.",
                                    base::LatencyBounds())),
      paused_(metrics.AddGauge("millrace_webhook_paused", "1 while the receiver of webhooks is away.")),
      held_gauge_(metrics.AddGauge("millrace_webhook_events_held", "Events read from the log and not done.")),
      pauses_(options_.first_pause, options_.longest_pause) {}

WebhookDispatcher::~WebhookDispatcher() { Stop(); }

base::Status WebhookDispatcher::Start() {
  core::LogConsumer::RebalanceListener listener;
  listener.assigned = [this](const std::vector<core::TopicPartition>& partitions) {
    std::lock_guard lock(mutex_);
    for (const auto& partition : partitions) offsets_.Assign(partition);
  };
  listener.revoked = [this](const std::vector<core::TopicPartition>& partitions) {
    DropQueued(partitions);
    CommitDone();
    std::lock_guard lock(mutex_);
    for (const auto& partition : partitions) offsets_.Revoke(partition);
  };
  RETURN_IF_ERROR(consumer_->Subscribe({core::kEventsTopic, core::kWebhookRetriesTopic}, std::move(listener)));
  poller_ = std::thread([this] { PollLoop(); });
  for (int i = 0; i < options_.senders; ++i) senders_.emplace_back([this] { SendLoop(); });
  return {};
}

void WebhookDispatcher::Stop() {
  stop_.Stop();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (!poller_.joinable()) return;
  poller_.join();
  for (std::thread& sender : senders_) sender.join();
  CommitDone();
  consumer_->Close();
}

void WebhookDispatcher::PollLoop() {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(5));
  while (true) {
    std::size_t room = 0;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_until(lock, Deadline::After(kPollTimeout).when(),
                          [this] { return stopping_ || held_ < options_.max_held; });
      if (stopping_) return;
      room = options_.max_held - std::min(held_, options_.max_held);
      held_gauge_.Set(static_cast<double>(held_));
    }
    CommitDone();
    auto records = consumer_->Poll(room, Deadline::After(kPollTimeout));  // also without room: to stay in the group
    if (!records) {
      if (backoff.first_try()) {
        base::LogWarning("events for webhooks cannot be read, waiting: {}", records.error().message);
      }
      stop_.SleepUntil(Deadline::After(backoff.Next()));
      continue;
    }
    backoff.Reset();
    for (core::LogRecord& record : *records) Take(std::move(record));
  }
}

void WebhookDispatcher::Take(core::LogRecord record) {
  const bool redriven = record.position.topic == core::kWebhookRetriesTopic;
  Item item;
  if (redriven) {
    item.trace = ReadTrace(record, store_);
  } else {
    item.trace.original = record.position;
    item.trace.original_timestamp = record.timestamp;
  }
  const auto event = core::ParseEvent(core::Payload(record.value.value_or("")));
  if (!event) {
    base::LogWarning("{}/{}@{} is no event and is not sent: {}", record.position.topic, record.position.partition,
                     record.position.offset, event.error().message);
  }
  const bool wanted = event && (redriven ? item.trace.dead_letter > 0 : options_.statuses.contains(event->status));
  std::lock_guard lock(mutex_);
  item.epoch = offsets_.Begin(record.position);
  if (!wanted) return offsets_.Done(record.position, item.epoch);
  item.document = event->document_id;
  item.record = std::move(record);
  item.accepted_seen = accepted_;
  ++held_;
  const auto [lane, first] = behind_.try_emplace(LaneOf(item));
  if (first) {
    due_.emplace(Clock::now(), std::move(item));
  } else {
    lane->second.push_back(std::move(item));
  }
  changed_.notify_all();
}

void WebhookDispatcher::CommitDone() {
  std::map<core::TopicPartition, std::int64_t> offsets;
  {
    std::lock_guard lock(mutex_);
    offsets = offsets_.Committable();
  }
  if (offsets.empty()) return;
  if (const auto committed = consumer_->Commit(offsets); !committed) {
    base::LogWarning("offsets of webhooks were not committed, events may be sent twice: {}", committed.error().message);
    return;
  }
  std::lock_guard lock(mutex_);
  offsets_.Committed(offsets);
}

/// Leaves what is not being sent to the partitions' next owner, and waits for the rest.
void WebhookDispatcher::DropQueued(const std::vector<core::TopicPartition>& partitions) {
  const std::set<core::TopicPartition> lost(partitions.begin(), partitions.end());
  std::unique_lock lock(mutex_);
  Forget(lost);
  changed_.wait_until(lock, Deadline::After(kRevokeDrain).when(), [this] { return sending_ == 0; });
  Forget(lost);  // what was being sent and is to be tried again
  changed_.notify_all();
}

/// REQUIRES: mutex_ held.
void WebhookDispatcher::Forget(const std::set<core::TopicPartition>& lost) {
  for (auto& [lane, later] : behind_) {
    if (!lost.contains(lane.first)) continue;
    held_ -= later.size();
    later.clear();
  }
  held_ -= std::erase_if(due_, [&](const auto& entry) {
    const Lane lane = LaneOf(entry.second);
    if (!lost.contains(lane.first)) return false;
    behind_.erase(lane);
    return true;
  });
}

/// False: it stops.
bool WebhookDispatcher::WaitForDue(std::unique_lock<std::mutex>& lock) {
  while (!stopping_) {
    const auto now = Clock::now();
    auto look = now + kLookAgain;
    if (!due_.empty() && (!away_ || sending_ == 0)) {
      const auto next = std::max(due_.begin()->first, pause_until_);
      if (next <= now) return true;
      look = std::min(look, next);
    }
    changed_.wait_until(lock, look);
  }
  return false;
}

void WebhookDispatcher::SendLoop() {
  std::unique_lock lock(mutex_);
  while (WaitForDue(lock)) {
    Item item = std::move(due_.extract(due_.begin()).mapped());
    ++sending_;
    lock.unlock();
    const Outcome outcome = Send(item);
    lock.lock();
    NoteReceiver(outcome);
    const bool is_final = outcome.kind == Outcome::Kind::kAccepted || outcome.kind == Outcome::Kind::kRefused;
    const int tries_before = item.attempts;
    const bool exhausted = !is_final && NoteFailure(item, outcome);
    bool done = false;
    if (is_final || exhausted) {
      lock.unlock();
      done = Conclude(item, outcome, exhausted);
      lock.lock();
    } else {
      auto delay = std::chrono::milliseconds(0);  // the pause is long enough
      if (item.attempts > tries_before) delay = Jittered(options_.retry_delays[static_cast<std::size_t>(tries_before)]);
      due_.emplace(Clock::now() + delay, std::move(item));
    }
    --sending_;
    if (done) Finish(std::move(item));
    changed_.notify_all();
  }
}

WebhookDispatcher::Outcome WebhookDispatcher::Send(const Item& item) {
  const auto now = std::chrono::floor<std::chrono::seconds>(core::Now()).time_since_epoch().count();
  core::WebhookRequest request;
  request.body = core::Payload(*item.record.value);
  request.headers = {{"Content-Type", "application/json"},
                     {"Millrace-Event-Id", EventId(item.record)},
                     {"Millrace-Timestamp", std::to_string(now)}};
  if (!options_.secret.empty()) {
    const std::string signature = core::HmacSha256Hex(options_.secret, fmt::format("{}.{}", now, request.body));
    request.headers.emplace_back("Millrace-Signature", "v1=" + signature);
  }
  const auto begun = Clock::now();
  const auto answer = ports_.endpoint.Post(request, Deadline::After(options_.timeout));
  seconds_.Observe(std::chrono::duration<double>(Clock::now() - begun).count());
  using Kind = Outcome::Kind;
  if (!answer) {
    away_tries_.Add();
    return {Kind::kAway, answer.error().message, std::nullopt};
  }
  const int status = answer->status;
  Outcome outcome{Kind::kRefused, fmt::format("the receiver answered {}", status), answer->retry_after};
  if (status >= 200 && status < 300) {
    outcome.kind = Kind::kAccepted;
  } else if (IsAway(status)) {
    outcome.kind = Kind::kAway;
  } else if (IsWorthAnotherTry(status)) {
    outcome.kind = Kind::kFailed;
  }
  (outcome.kind == Kind::kAccepted ? delivered_ : outcome.kind == Kind::kAway ? away_tries_ : failed_).Add();
  return outcome;
}

/// REQUIRES: mutex_ held.
void WebhookDispatcher::NoteReceiver(const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::kAccepted) ++accepted_;
  if (outcome.kind == Outcome::Kind::kAway) {
    if (!away_) base::LogWarning("the receiver of webhooks is away, events wait for it: {}", outcome.reason);
    away_ = true;
    std::chrono::milliseconds pause = pauses_.Next();
    if (outcome.retry_after) pause = std::max<std::chrono::milliseconds>(pause, *outcome.retry_after);
    pause_until_ = Clock::now() + std::min<std::chrono::milliseconds>(pause, kLongestAsked);
  } else if (away_) {
    base::LogInfo("the receiver of webhooks answers again");
    away_ = false;
    pause_until_ = Clock::time_point::min();
    pauses_.Reset();
  }
  paused_.Set(away_ ? 1 : 0);
}

/// Whether that was the event's last try. REQUIRES: mutex_ held.
bool WebhookDispatcher::NoteFailure(Item& item, const Outcome& outcome) {
  const bool others_pass = accepted_ > item.accepted_seen;
  item.accepted_seen = accepted_;
  if (outcome.kind == Outcome::Kind::kAway && !others_pass) return false;
  return static_cast<std::size_t>(++item.attempts) > options_.retry_delays.size();
}

core::DeadLetterDraft WebhookDispatcher::Letter(const Item& item, const Outcome& outcome) const {
  const bool refused = outcome.kind == Outcome::Kind::kRefused;
  FailureTrace trace = item.trace;
  trace.attempt = item.attempts + (refused ? 1 : 0);
  core::DeadLetterDraft letter;  // of no document: it outlives what the event tells of
  letter.id = trace.dead_letter;
  letter.original = trace.original;
  letter.original_timestamp = trace.original_timestamp;
  letter.attempts = trace.attempt;
  letter.error = {refused ? "webhook_refused" : "webhook_failed", outcome.reason, "webhook"};
  const FailureNote note{letter.error, refused ? "permanent" : "transient", core::Now(), std::nullopt};
  letter.copy = CopyOfFailed(item.record, trace, note, store_, core::kDeadLettersTopic);
  return letter;
}

/// Writes down what became of the event; false when it stops first, so that the event stays in the log.
bool WebhookDispatcher::Conclude(const Item& item, const Outcome& outcome, bool exhausted) {
  if (outcome.kind == Outcome::Kind::kAccepted) {
    if (item.trace.dead_letter == 0) return true;
    return UntilDone("a dead letter that was sent is not taken off the list yet", [&]() -> base::Status {
      const auto purged = ports_.dead_letters.Purge({&item.trace.dead_letter, 1}, Deadline::After(kStoreTimeout));
      return purged ? base::Status() : base::Status(purged.error());
    });
  }
  const core::DeadLetterDraft letter = Letter(item, outcome);
  const bool listed = UntilDone("a webhook's dead letter is not written yet", [&] {
    return ports_.effects.DeadLetter({&letter, 1}, Deadline::After(kStoreTimeout));
  });
  if (!listed) return false;
  dead_lettered_.Add();
  base::LogError("the webhook of {} is a dead letter after {} {}: {}", EventId(item.record), letter.attempts,
                 exhausted ? "tries" : "try", outcome.reason);
  return true;
}

bool WebhookDispatcher::UntilDone(std::string_view what, const std::function<base::Status()>& call) {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(10));
  while (true) {
    const base::Status done = call();
    if (done) return true;
    if (backoff.first_try()) base::LogWarning("{}: {}", what, done.error().message);
    if (stop_.SleepUntil(Deadline::After(backoff.Next()))) return false;
  }
}

/// REQUIRES: mutex_ held.
void WebhookDispatcher::Finish(Item item) {
  offsets_.Done(item.record.position, item.epoch);
  --held_;
  const auto lane = behind_.find(LaneOf(item));
  if (lane->second.empty()) {
    behind_.erase(lane);
    return;
  }
  due_.emplace(Clock::now(), std::move(lane->second.front()));
  lane->second.pop_front();
}

}  // namespace millrace::ingest
