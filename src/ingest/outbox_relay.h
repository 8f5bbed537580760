#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/store_admin.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {

/// Carries the outbox to the log (DELIVERY §2): claim, produce, and only on the delivery report mark as sent. A row may
/// be produced twice, never not at all. Thread-safe.
class OutboxRelay {
 public:
  OutboxRelay(core::Outbox& outbox, core::LogProducer& producer, core::StoreIdentity store, base::Metrics& metrics);
  ~OutboxRelay();

  void Start();

  /// There may be new rows; never waits.
  void Wake() { wake_.Set(); }

  /// Rows not delivered yet, as last seen. What accepting is bounded by.
  std::int64_t backlog() const { return backlog_; }

  /// Delivers what it can until the deadline, then ends the thread.
  void Stop(base::Deadline deadline);

 private:
  /// What became of claimed rows. Those that are neither sent nor given back come again when the claim ends.
  struct Delivery {
    std::vector<core::Sent> sent;
    std::vector<std::int64_t> unsent;
    std::vector<const core::OutboxRow*> refused;  // too large for their topics, however they are sent
    std::optional<base::Error> failure;           // of the unsent ones
  };

  void Run();
  /// How many rows were delivered.
  base::Result<std::size_t> DeliverSome();
  /// A broker that finds one record too large refuses all that came with it: those are halved until it is alone.
  /// What is not begun by `begin_until` is given back.
  void Produce(std::span<core::OutboxRow* const> rows, base::Deadline begin_until, Delivery& delivery);
  /// Refused alone: a text then stays in the store, and the message names it.
  void ProduceLarge(core::OutboxRow& row, base::Deadline begin_until, Delivery& delivery);
  void LookAtBacklog();

  core::Outbox& outbox_;
  core::LogProducer& producer_;
  const core::StoreIdentity store_;
  base::Gauge& rows_;
  base::Gauge& age_;
  base::Counter& delivered_;
  base::Signal wake_;
  base::StopFlag stop_;
  std::atomic<base::Deadline::Clock::time_point> drain_until_{base::Deadline::Clock::time_point::max()};
  std::atomic<std::int64_t> backlog_{0};
  std::size_t max_inline_bytes_ = kMaxInlineContentBytes;  // less where a topic was seen to take less
  std::thread thread_;
};

}  // namespace millrace::ingest
