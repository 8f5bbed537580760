#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/backoff.h"
#include "base/metrics.h"
#include "base/signal.h"
#include "core/index_feed.h"
#include "core/log.h"
#include "core/vector_index.h"
#include "search/event_hub.h"

namespace millrace::search {

/// Keeps this server's index equal to the store (DELIVERY §6): loads it at start, follows `document-events`, and
/// compares versions every 30 s so that a lost event heals. After the first load its writer thread alone changes the
/// index. Thread-safe.
class IndexFollower {
 public:
  struct Ports {
    core::IndexFeed& feed;
    core::VectorIndex& index;
    core::LogAdmin& log;
    std::function<std::unique_ptr<core::LogConsumer>()> new_reader;  // without a group
    EventHub& hub;
  };

  IndexFollower(Ports ports, base::Metrics& metrics);
  ~IndexFollower();

  /// Returns at once; `ready` follows when the index is loaded and the end of the log, as it was at start, is reached.
  void Start();
  void Stop();
  bool ready() const { return ready_; }

  /// Next offsets of `document-events`, up to which the index has everything; none before it is loaded.
  std::map<core::TopicPartition, std::int64_t> followed() const;

  /// Why the store could not be read the last time; empty when it could.
  std::string trouble() const;

  /// The index holds what the store held of these documents when it was called.
  base::Status Refresh(std::span<const core::DocumentId> ids, base::Deadline deadline);

  /// As Refresh, without waiting: someone saw an answer that the store no longer backs.
  void Suspect(std::span<const core::DocumentId> ids);

  /// Waits until something was applied after `seen`, which is then updated; false when the deadline passed.
  bool WaitForChange(std::uint64_t& seen, base::Deadline deadline) const;

 private:
  struct Request {
    std::vector<core::DocumentId> ids;
    std::vector<core::DocumentEvent> events;  // told to the hub once the index answers with them
    std::map<core::TopicPartition, std::int64_t> next_offsets;
    bool compare_all = false;
    std::uint64_t ticket = 0;
  };

  void ReadLoop();
  base::Status Follow(bool& loaded_once, base::Backoff& backoff);
  void WriteLoop();
  base::Result<std::vector<core::Position>> EndOfLog();
  base::Status LoadAll();
  base::Status CompareAll();
  base::Status ReloadAndApply(std::vector<core::DocumentId> ids);
  bool ReadOnce(core::LogConsumer& reader);
  void Enqueue(Request request);
  void SetTrouble(std::string trouble);
  void Handle(std::deque<Request> requests);

  Ports ports_;
  base::Counter& events_followed_;
  base::Counter& healed_;
  base::StopFlag stop_;
  std::atomic<bool> ready_{false};

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<Request> requests_;
  std::uint64_t last_ticket_ = 0;  // given out
  std::uint64_t applied_ = 0;      // highest ticket whose effects the index has
  std::map<core::TopicPartition, std::int64_t> followed_;
  bool stopping_ = false;
  std::string trouble_;

  std::thread reader_, writer_;
};

}  // namespace millrace::search
