#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/deadline.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/signal.h"
#include "core/dead_letters.h"
#include "core/document.h"
#include "core/effect_store.h"
#include "core/log.h"
#include "core/store_admin.h"
#include "core/webhook.h"
#include "ingest/failure_headers.h"
#include "ingest/offset_tracker.h"

namespace millrace::ingest {

struct WebhookOptions {
  std::string secret;                       // empty: nothing is signed
  std::set<core::DocumentStatus> statuses;  // events of others are not sent
  std::vector<std::chrono::milliseconds>
      retry_delays;                         // one try more than these; each is cut to between half and whole
  std::chrono::milliseconds timeout{5000};  // of one request
  std::chrono::milliseconds first_pause{500}, longest_pause{60'000};  // while the receiver is away
  int senders = 4;              // requests at the same time, each of another document
  std::size_t max_held = 1024;  // events read and not done; the log holds the rest
};

/// Of `indexed,failed`: the statuses. The error says what was expected.
base::Result<std::set<core::DocumentStatus>> ParseWebhookEvents(std::string_view text);

/// A member of the group `millrace-webhooks`: sends the events of `document-events` to a receiver, at least once, those
/// of a document in order (docs/events.md). Offsets are committed once an event was accepted or is a dead letter (stage
/// `webhook`), and redriven ones come back by `millrace-webhook-retries`.
///
/// An event that the receiver refuses is a dead letter at once; one that it fails on is tried again after each delay,
/// while events of other documents go on. A receiver that is away (no answer, 429, 502, 503, 504) is waited for, with
/// growing pauses, and costs no event a try unless others were accepted meanwhile: then it is the event. Run on every
/// server: the group sees to it that one of them sends.
class WebhookDispatcher {
 public:
  struct Ports {
    core::WebhookEndpoint& endpoint;
    core::EffectStore& effects;
    core::DeadLetters& dead_letters;
  };

  WebhookDispatcher(std::unique_ptr<core::LogConsumer> consumer, Ports ports, core::StoreIdentity store,
                    WebhookOptions options, base::Metrics& metrics);
  ~WebhookDispatcher();

  base::Status Start();
  void Stop();  // lets requests under way end; what is not done stays in the log

 private:
  using Clock = base::Deadline::Clock;

  struct Item {
    core::LogRecord record;
    FailureTrace trace;
    core::DocumentId document = 0;
    std::uint64_t epoch = 0;
    int attempts = 0;
    std::uint64_t accepted_seen = 0;  // what `accepted_` was when it was read or failed last
  };
  /// Where order counts.
  using Lane = std::pair<core::TopicPartition, core::DocumentId>;
  static Lane LaneOf(const Item& item) {
    return {{item.record.position.topic, item.record.position.partition}, item.document};
  }

  struct Outcome {
    enum class Kind { kAccepted, kRefused, kFailed, kAway } kind = Kind::kAway;
    std::string reason;
    std::optional<std::chrono::seconds> retry_after;
  };

  void PollLoop();
  void Take(core::LogRecord record);
  void CommitDone();
  void DropQueued(const std::vector<core::TopicPartition>& partitions);
  void Forget(const std::set<core::TopicPartition>& lost);

  void SendLoop();
  bool WaitForDue(std::unique_lock<std::mutex>& lock);
  Outcome Send(const Item& item);
  bool Conclude(const Item& item, const Outcome& outcome, bool exhausted);
  bool NoteFailure(Item& item, const Outcome& outcome);
  void NoteReceiver(const Outcome& outcome);
  void Finish(Item item);
  bool UntilDone(std::string_view what, const std::function<base::Status()>& call);
  core::DeadLetterDraft Letter(const Item& item, const Outcome& outcome) const;

  const std::unique_ptr<core::LogConsumer> consumer_;
  const Ports ports_;
  const core::StoreIdentity store_;
  const WebhookOptions options_;
  base::Counter &delivered_, &failed_, &away_tries_, &dead_lettered_;
  base::Histogram& seconds_;
  base::Gauge &paused_, &held_gauge_;

  base::StopFlag stop_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // something became due or done, or it stops
  OffsetTracker offsets_;
  std::multimap<Clock::time_point, Item> due_;  // by when it may be sent
  std::map<Lane, std::deque<Item>> behind_;     // a lane is there while one of it is due or being sent
  std::size_t held_ = 0;
  int sending_ = 0;
  std::uint64_t accepted_ = 0;  // events, since the start
  bool away_ = false;           // then one request at a time finds out whether it is back
  Clock::time_point pause_until_ = Clock::time_point::min();
  base::Backoff pauses_;
  bool stopping_ = false;

  std::thread poller_;
  std::vector<std::thread> senders_;
};

}  // namespace millrace::ingest
