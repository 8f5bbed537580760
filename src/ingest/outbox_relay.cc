#include "ingest/outbox_relay.h"

#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace millrace::ingest {
namespace {

using base::Deadline;

constexpr std::size_t kRowsPerRound = 512;
constexpr auto kProduceTimeout = std::chrono::seconds(10);
constexpr auto kClaimLease =
    std::chrono::milliseconds(30'000);  // outlasts the produce, so no other relay sends the row meanwhile
// The last of several attempts at one claim ends well before it does; each has the whole timeout, after which the
// producer writes nothing of it any more.
constexpr auto kBeginWithin = kClaimLease - 2 * std::chrono::milliseconds(kProduceTimeout);
constexpr auto kPollInterval = std::chrono::milliseconds(200);  // rows that fall due, and leases of the dead
constexpr auto kBacklogInterval = std::chrono::seconds(1);

}  // namespace

OutboxRelay::OutboxRelay(core::Outbox& outbox, core::LogProducer& producer, core::StoreIdentity store,
                         base::Metrics& metrics)
    : outbox_(outbox),
      producer_(producer),
      store_(std::move(store)),
      rows_(metrics.AddGauge("millrace_outbox_rows", "Messages committed to the store and not yet in the log.")),
      age_(metrics.AddGauge("millrace_outbox_age_seconds", "Age of the oldest message not yet in the log.")),
      delivered_(
          metrics.AddCounter("millrace_outbox_delivered_total", "Messages carried from the outbox to the log.")) {}

OutboxRelay::~OutboxRelay() { Stop(Deadline::Expired()); }

void OutboxRelay::Start() {
  thread_ = std::thread([this] { Run(); });
}

void OutboxRelay::Stop(Deadline deadline) {
  drain_until_ = deadline.when();
  stop_.Stop();
  wake_.Set();
  if (thread_.joinable()) thread_.join();
}

void OutboxRelay::Run() {
  base::Backoff backoff(std::chrono::milliseconds(100), std::chrono::seconds(5));
  auto backlog_due = Deadline::Expired();
  while (true) {
    if (backlog_due.expired()) {
      LookAtBacklog();
      backlog_due = Deadline::After(kBacklogInterval);
    }
    auto delivered = DeliverSome();
    if (!delivered) {
      if (backoff.first_try())
        base::LogWarning("the outbox cannot reach the log, waiting: {}", delivered.error().message);
      if (stop_.SleepUntil(Deadline::After(backoff.Next()))) return;
      continue;
    }
    backoff.Reset();
    if (*delivered > 0 && Deadline::Clock::now() < drain_until_.load()) continue;
    if (stop_.stopping()) return;
    wake_.Wait(Deadline::After(kPollInterval));
  }
}

base::Result<std::size_t> OutboxRelay::DeliverSome() {
  ASSIGN_OR_RETURN(std::vector<core::OutboxRow> rows, outbox_.Claim(kRowsPerRound, max_inline_bytes_, kClaimLease));
  if (rows.empty()) return std::size_t{0};
  std::vector<core::OutboxRow*> all;
  for (core::OutboxRow& row : rows) all.push_back(&row);
  Delivery delivery;
  Produce(all, Deadline::After(kBeginWithin), delivery);
  if (!delivery.sent.empty()) RETURN_IF_ERROR(outbox_.MarkSent(delivery.sent));
  delivered_.Add(static_cast<double>(delivery.sent.size()));
  if (!delivery.unsent.empty()) RETURN_IF_ERROR(outbox_.Release(delivery.unsent));
  if (!delivery.refused.empty()) {
    const core::OutboxRow& first = *delivery.refused.front();
    base::LogError(
        "{} messages are larger than their topics take, the first for {}, of document {}: they are kept, and tried "
        "again every {} s",
        delivery.refused.size(), first.topic, first.document_id, kClaimLease / std::chrono::seconds(1));
  }
  if (delivery.failure) return *delivery.failure;
  return delivery.sent.size();
}

void OutboxRelay::Produce(std::span<core::OutboxRow* const> rows, Deadline begin_until, Delivery& delivery) {
  const auto give_back = [&](const base::Error& error) {
    for (const core::OutboxRow* row : rows) delivery.unsent.push_back(row->id);
    delivery.failure = error;
  };
  if (begin_until.expired()) {
    return give_back({base::Code::kDeadlineExceeded, "messages that are too large for their topic took too long", {}});
  }
  std::vector<core::LogRecord> records;
  records.reserve(rows.size());
  for (const core::OutboxRow* row : rows) records.push_back(row->record ? *row->record : EncodeUpload(*row, store_));
  const auto produced = producer_.Produce(std::move(records), Deadline::After(kProduceTimeout));
  if (!produced) return give_back(produced.error());
  std::vector<core::OutboxRow*> too_large;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& one = (*produced)[i];
    if (one) {
      delivery.sent.push_back({rows[i]->id, *one});
    } else if (one.error().code == base::Code::kTooLarge) {
      too_large.push_back(rows[i]);
    } else {
      delivery.unsent.push_back(rows[i]->id);
      delivery.failure = one.error();
    }
  }
  if (too_large.empty()) return;
  if (rows.size() == 1) {
    ProduceLarge(*rows.front(), begin_until, delivery);
    return;
  }
  const std::span<core::OutboxRow* const> rest(too_large);
  Produce(rest.first(rest.size() - rest.size() / 2), begin_until, delivery);
  if (rest.size() > 1) Produce(rest.last(rest.size() / 2), begin_until, delivery);
}

void OutboxRelay::ProduceLarge(core::OutboxRow& row, Deadline begin_until, Delivery& delivery) {
  if (row.record || !row.content || row.content->empty()) {
    delivery.refused.push_back(&row);
    return;
  }
  if (row.content->size() <= max_inline_bytes_) {
    max_inline_bytes_ = row.content->size() - 1;
    base::LogWarning("{} takes no message with {} bytes of text: longer texts travel by reference from now on",
                     row.topic, row.content->size());
  }
  row.content.reset();
  core::OutboxRow* const alone[] = {&row};
  Produce(alone, begin_until, delivery);
}

void OutboxRelay::LookAtBacklog() {
  const auto backlog = outbox_.Backlog();
  if (!backlog) return;  // the claim that follows meets the same outage and says so
  backlog_ = backlog->rows;
  rows_.Set(static_cast<double>(backlog->rows));
  age_.Set(std::chrono::duration<double>(backlog->Age(core::Now())).count());
}

}  // namespace millrace::ingest
