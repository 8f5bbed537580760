#include "adapters/kafka/producer.h"

#include <fmt/core.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <optional>
#include <thread>
#include <utility>

#include "adapters/kafka/client.h"
#include "adapters/kafka/errors.h"
#include "adapters/kafka/records.h"
#include "base/log.h"

namespace millrace::kafka {
namespace {

using base::Code;
using base::Deadline;
using Outcome = base::Result<core::Position>;

constexpr auto kQueueRetry = std::chrono::milliseconds(10);
constexpr int kPollMilliseconds = 100;
constexpr int kTopicMilliseconds = 1000;
constexpr int kLastReportsMilliseconds = 2000;

/// The records of one call, and what became of each. Outlives the call when reports are late.
struct Batch {
  explicit Batch(std::size_t size) : outcomes(size) {}

  void Settle(std::size_t index, Outcome outcome) {
    std::lock_guard lock(mutex);
    outcomes[index] = std::move(outcome);
    --waiting;
    if (waiting == 0) changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<Outcome>> outcomes;
  std::size_t waiting = 0;
};

/// Travels with a message through librdkafka, which hands it back exactly once.
struct Ticket {
  std::shared_ptr<Batch> batch;
  std::size_t index = 0;
  const Client* client = nullptr;
};

base::Error NotWritten(const Client& client, rd_kafka_resp_err_t error, const std::string& topic,
                       std::int32_t partition) {
  if (error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
    return {Code::kNotFound, fmt::format("topic {} has no partition {}", topic, partition), {}};
  }
  if (CodeOf(error) == Code::kNotFound) return {Code::kNotFound, fmt::format("there is no topic {}", topic), {}};
  return client.Failed(error, fmt::format("topic {}", topic));
}

void OnDelivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(message->_private));
  const std::string topic = rd_kafka_topic_name(message->rkt);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    ticket->batch->Settle(ticket->index, core::Position{topic, message->partition, message->offset});
  } else {
    ticket->batch->Settle(ticket->index, NotWritten(*ticket->client, message->err, topic, message->partition));
  }
}

}  // namespace

/// A handle and the thread that takes its delivery reports.
class Producer::Sender {
 public:
  explicit Sender(std::unique_ptr<Client> client) : client_(std::move(client)), poller_([this] { PollLoop(); }) {}

  ~Sender() {
    // Whoever waited has gone; what is still queued must not be written later.
    rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(client_->handle(), kLastReportsMilliseconds);
    stop_ = true;
    poller_.join();
  }

  const Client& client() const { return *client_; }

  /// Empty while all is well.
  std::string FatalError() const {
    std::array<char, 512> reason{};
    const auto error = rd_kafka_fatal_error(client_->handle(), reason.data(), reason.size());
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : std::string(reason.data());
  }

  void Send(const std::shared_ptr<Batch>& batch, std::size_t index, const core::LogRecord& record, Deadline deadline) {
    {
      std::lock_guard lock(batch->mutex);
      ++batch->waiting;
    }
    rd_kafka_resp_err_t error = Enqueue(batch, index, record);
    // In order: what follows in this call waits behind this record.
    while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL && !deadline.expired()) {
      std::this_thread::sleep_for(kQueueRetry);
      error = Enqueue(batch, index, record);
    }
    // What the handle knows of topics is up to half a minute old: the topic may have been made or widened since.
    if (CodeOf(error) == Code::kNotFound && AskForTopic(record.position.topic)) error = Enqueue(batch, index, record);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    batch->Settle(index, NotWritten(*client_, error, record.position.topic, record.position.partition));
  }

 private:
  void PollLoop() {
    while (!stop_) rd_kafka_poll(client_->handle(), kPollMilliseconds);
  }

  bool AskForTopic(const std::string& name) {
    const TopicHandle topic(rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr));
    const rd_kafka_metadata_t* metadata = nullptr;
    if (!topic || rd_kafka_metadata(client_->handle(), 0, topic.get(), &metadata, kTopicMilliseconds) != 0)
      return false;
    rd_kafka_metadata_destroy(metadata);
    return true;
  }

  rd_kafka_resp_err_t Enqueue(const std::shared_ptr<Batch>& batch, std::size_t index, const core::LogRecord& record) {
    auto ticket = std::make_unique<Ticket>(Ticket{batch, index, client_.get()});
    Headers headers = HeadersOf(record.headers);
    // A null pointer is a null, so an empty value must not be one.
    void* value = record.value ? const_cast<char*>(record.value->data()) : nullptr;
    const char* key = record.key ? record.key->data() : nullptr;
    const std::size_t value_size = record.value ? record.value->size() : 0,
                      key_size = record.key ? record.key->size() : 0;
    const auto error = rd_kafka_producev(client_->handle(), RD_KAFKA_V_TOPIC(record.position.topic.c_str()),
                                         RD_KAFKA_V_PARTITION(record.position.partition),
                                         RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_KEY(key, key_size),
                                         RD_KAFKA_V_TIMESTAMP(record.timestamp.time_since_epoch().count()),
                                         RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                         RD_KAFKA_V_OPAQUE(ticket.get()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      static_cast<void>(ticket.release());
      static_cast<void>(headers.release());
    }
    return error;
  }

  const std::unique_ptr<Client> client_;
  std::atomic<bool> stop_ = false;
  std::thread poller_;
};

base::Result<std::unique_ptr<Producer>> Producer::Open(Settings settings) {
  ASSIGN_OR_RETURN(auto client, Client::Open(RD_KAFKA_PRODUCER, settings, {OnDelivered, {}}));
  return std::unique_ptr<Producer>(new Producer(std::move(settings), std::make_shared<Sender>(std::move(client))));
}

Producer::Producer(Settings settings, std::shared_ptr<Sender> sender)
    : settings_(std::move(settings)), sender_(std::move(sender)) {}

Producer::~Producer() = default;

base::Result<std::shared_ptr<Producer::Sender>> Producer::UsableSender() {
  std::lock_guard lock(mutex_);
  const std::string reason = sender_->FatalError();
  if (reason.empty()) return sender_;
  // An idempotent producer that lost its place can never write again; a new one begins a new sequence.
  base::LogError("the Kafka producer is made anew: {}", reason);
  ASSIGN_OR_RETURN(auto client, Client::Open(RD_KAFKA_PRODUCER, settings_, {OnDelivered, {}}));
  sender_ = std::make_shared<Sender>(std::move(client));
  return sender_;
}

base::Result<std::vector<Outcome>> Producer::Produce(std::vector<core::LogRecord> records, Deadline deadline) {
  if (deadline.expired()) return {Code::kDeadlineExceeded, "the records were not written in time"};
  ASSIGN_OR_RETURN(const auto sender, UsableSender());
  const auto batch = std::make_shared<Batch>(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) sender->Send(batch, i, records[i], deadline);

  std::unique_lock lock(batch->mutex);
  batch->changed.wait_until(lock, deadline.when(), [&] { return batch->waiting == 0; });
  std::vector<Outcome> outcomes;
  outcomes.reserve(records.size());
  for (const auto& outcome : batch->outcomes) {
    // No report yet: message.timeout.ms bounds how much later the record can still be written.
    outcomes.push_back(outcome ? *outcome
                               : Outcome(Code::kDeadlineExceeded, "the record was not acknowledged in time"));
  }
  return outcomes;
}

}  // namespace millrace::kafka
