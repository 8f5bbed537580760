#include "ingest/outbox_relay.h"

#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {
namespace {

using base::Deadline;

constexpr std::size_t kRowsPerRound = 512;
constexpr auto kProduceTimeout = std::chrono::seconds(10);
constexpr auto kClaimLease =
    std::chrono::milliseconds(30'000);  // outlasts the produce, so no other relay sends the row meanwhile
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
  ASSIGN_OR_RETURN(const std::vector<core::OutboxRow> rows,
                   outbox_.Claim(kRowsPerRound, kMaxInlineContentBytes, kClaimLease));
  if (rows.empty()) return std::size_t{0};
  std::vector<core::LogRecord> records;
  records.reserve(rows.size());
  for (const core::OutboxRow& row : rows) records.push_back(row.record ? *row.record : EncodeUpload(row, store_));
  auto produced = producer_.Produce(std::move(records), Deadline::After(kProduceTimeout));

  std::vector<core::Sent> sent;
  std::vector<std::int64_t> unsent;
  std::optional<base::Error> failure;
  if (!produced) failure = produced.error();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (produced && (*produced)[i]) {
      sent.push_back({rows[i].id, *(*produced)[i]});
    } else {
      unsent.push_back(rows[i].id);
      if (produced) failure = (*produced)[i].error();
    }
  }
  if (!sent.empty()) RETURN_IF_ERROR(outbox_.MarkSent(sent));
  delivered_.Add(static_cast<double>(sent.size()));
  if (!unsent.empty()) RETURN_IF_ERROR(outbox_.Release(unsent));
  if (failure) return *failure;
  return sent.size();
}

void OutboxRelay::LookAtBacklog() {
  const auto backlog = outbox_.Backlog();
  if (!backlog) return;  // the claim that follows meets the same outage and says so
  backlog_ = backlog->rows;
  rows_.Set(static_cast<double>(backlog->rows));
  age_.Set(std::chrono::duration<double>(backlog->Age(core::Now())).count());
}

}  // namespace millrace::ingest
