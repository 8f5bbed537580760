#include "adapters/kafka/consumer.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "adapters/kafka/errors.h"
#include "adapters/kafka/records.h"
#include "base/log.h"

namespace millrace::kafka {
namespace {

using base::Code;
using base::Deadline;

constexpr auto kCommitTimeout = std::chrono::seconds(5);
constexpr auto kLeaveTimeout = std::chrono::seconds(5);
constexpr auto kPauseAfter = std::chrono::seconds(5);
constexpr auto kLongestWait = std::chrono::milliseconds(1000);  // of one call into librdkafka
constexpr std::size_t kMaxWarned = 64;

/// Rounded up, so that the last wait before a deadline does not spin.
int MillisecondsUntil(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining());
  return static_cast<int>(std::min(left, kLongestWait).count());
}

bool IsIncremental(rd_kafka_t* handle) {
  const char* protocol = rd_kafka_rebalance_protocol(handle);
  return protocol != nullptr && std::string_view(protocol) == "COOPERATIVE";
}

void GiveBack(rd_kafka_t* handle, const rd_kafka_topic_partition_list_t* partitions) {
  if (partitions != nullptr && IsIncremental(handle)) {
    Fault(rd_kafka_incremental_unassign(handle, partitions));
  } else {
    rd_kafka_assign(handle, nullptr);
  }
}

}  // namespace

Consumer::Consumer(KafkaOptions options, std::string group) : options_(std::move(options)), group_(std::move(group)) {}

Consumer::~Consumer() { Consumer::Close(); }

base::Status Consumer::OpenClient() {
  ClientCallbacks callbacks;
  callbacks.rebalanced = [this](auto error, auto* partitions) { OnRebalance(error, partitions); };
  ASSIGN_OR_RETURN(client_, Client::Open(RD_KAFKA_CONSUMER, ConsumerSettings(options_, member_ ? group_ : ""),
                                         std::move(callbacks)));
  rd_kafka_poll_set_consumer(client_->handle());
  return {};
}

base::Status Consumer::Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) {
  if (group_.empty()) return {Code::kInvalidArgument, "a consumer without a group cannot subscribe"};
  Close();
  listener_ = std::move(listener);
  member_ = true;
  RETURN_IF_ERROR(OpenClient());
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto error = rd_kafka_subscribe(client_->handle(), list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(error, "subscribing");
  return {};
}

base::Status Consumer::Assign(const std::vector<core::Position>& from) {
  Close();
  RETURN_IF_ERROR(OpenClient());
  std::map<core::TopicPartition, std::int64_t> offsets;
  for (const core::Position& position : from) offsets[{position.topic, position.partition}] = position.offset;
  const auto error = rd_kafka_assign(client_->handle(), PartitionsOf(offsets).get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(error, "assigning partitions");
  return {};
}

base::Result<std::vector<core::LogRecord>> Consumer::Poll(std::size_t max, Deadline deadline) {
  if (!client_) return {Code::kInvalidArgument, "the consumer has neither subscribed nor been assigned partitions"};
  if (max == 0) return KeepMembership();
  full_since_.reset();
  if (paused_) SetPaused(false);
  // What came while there was no room comes first: nothing else has been read since.
  if (!gathered_.empty()) return std::exchange(gathered_, {});
  while (gathered_.size() < max) {
    const int wait = gathered_.empty() ? MillisecondsUntil(deadline) : 0;
    const Message message(rd_kafka_consumer_poll(client_->handle(), wait));
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      warned_.clear();
      gathered_.push_back(RecordOf(*message));
      continue;
    }
    if (message) RETURN_IF_ERROR(HandleError(*message));
    if (deadline.expired() || (!message && !gathered_.empty())) break;
  }
  return std::exchange(gathered_, {});
}

/// A member must poll to stay one and to let the others rebalance, and polling yields records: so it pauses what it
/// owns. Pausing throws away what was fetched, hence not for every short while without room.
base::Result<std::vector<core::LogRecord>> Consumer::KeepMembership() {
  const auto now = Deadline::Clock::now();
  if (!full_since_) full_since_ = now;
  if (now - *full_since_ < kPauseAfter) return std::vector<core::LogRecord>();
  if (!paused_) SetPaused(true);
  const Message message(rd_kafka_consumer_poll(client_->handle(), 0));
  if (!message) return std::vector<core::LogRecord>();
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    gathered_.push_back(RecordOf(*message));  // of a partition that came just now
  } else {
    RETURN_IF_ERROR(HandleError(*message));
  }
  return std::vector<core::LogRecord>();
}

void Consumer::SetPaused(bool paused) {
  rd_kafka_topic_partition_list_t* assigned = nullptr;
  if (rd_kafka_assignment(client_->handle(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const PartitionList owner(assigned);
  if (paused) {
    rd_kafka_pause_partitions(client_->handle(), assigned);
  } else {
    rd_kafka_resume_partitions(client_->handle(), assigned);
  }
  paused_ = paused;
}

/// Trouble that time mends is told once; librdkafka goes on by itself.
base::Status Consumer::HandleError(const rd_kafka_message_t& message) {
  const std::string topic = message.rkt == nullptr ? "" : rd_kafka_topic_name(message.rkt);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__FATAL:
      // Only a static member meets this: its instance id was taken over, and it will never get a record again.
      return {Code::kConflict,
              fmt::format("this member was shut out of group {}: {}", group_, rd_kafka_message_errstr(&message))};
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: return {};  // the client's own log line says so
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      WarnOnce(fmt::format("topic {} is not there (any more): waiting for it", topic));
      return {};
    default:
      WarnOnce(client_->Failed(message.err, "reading from Kafka", rd_kafka_message_errstr(&message)).message);
      return {};
  }
}

void Consumer::WarnOnce(std::string what) {
  if (warned_.size() >= kMaxWarned) warned_.clear();
  if (const auto [warning, first] = warned_.insert(std::move(what)); first) base::LogWarning("{}", *warning);
}

void Consumer::OnRebalance(rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions) {
  if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !leaving_) {
    Gain(partitions);
  } else {
    Lose(partitions);
  }
}

void Consumer::Gain(rd_kafka_topic_partition_list_t* partitions) {
  if (IsIncremental(client_->handle())) {
    Fault(rd_kafka_incremental_assign(client_->handle(), partitions));
  } else {
    rd_kafka_assign(client_->handle(), partitions);
  }
  member_id_ = MemberId();
  const auto names = NamesOf(*partitions);
  owned_.insert(names.begin(), names.end());
  paused_ = false;  // what is assigned anew is not
  if (listener_.assigned) listener_.assigned(names);
}

void Consumer::Lose(rd_kafka_topic_partition_list_t* partitions) {
  const auto names = NamesOf(*partitions);
  if (!names.empty() && listener_.revoked && !leaving_) listener_.revoked(names);
  for (const core::TopicPartition& name : names) owned_.erase(name);
  // What this Poll holds of them was not committed: the next member reads it.
  std::erase_if(gathered_, [this](const core::LogRecord& record) {
    return !owned_.contains({record.position.topic, record.position.partition});
  });
  GiveBack(client_->handle(), partitions);
}

std::string Consumer::MemberId() const {
  const std::unique_ptr<char, void (*)(char*)> id(rd_kafka_memberid(client_->handle()),
                                                  [](char* text) { rd_kafka_mem_free(nullptr, text); });
  return id ? id.get() : "";
}

/// A topic that was away may be back as another one, empty: an offset beyond its end is of the one before, and
/// committed it would let records count as read that nobody has read.
base::Result<std::map<core::TopicPartition, std::int64_t>> Consumer::WithoutGoneTopics(
    std::map<core::TopicPartition, std::int64_t> next_offsets) {
  for (auto it = next_offsets.begin(); it != next_offsets.end();) {
    const auto& [partition, offset] = *it;
    std::int64_t low = 0, high = 0;
    const auto asked =
        rd_kafka_query_watermark_offsets(client_->handle(), partition.topic.c_str(), partition.partition, &low, &high,
                                         static_cast<int>(std::chrono::milliseconds(kCommitTimeout).count()));
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(asked, "asking where the topic ends");
    it = offset > high ? next_offsets.erase(it) : std::next(it);
  }
  return next_offsets;
}

base::Status Consumer::Commit(const std::map<core::TopicPartition, std::int64_t>& next_offsets) {
  if (group_.empty()) return {Code::kInvalidArgument, "a consumer without a group cannot commit"};
  if (next_offsets.empty()) return {};
  for (const auto& [partition, offset] : next_offsets) {
    if (!owned_.contains(partition)) {
      return {Code::kConflict, fmt::format("{}-{} is not this member's", partition.topic, partition.partition)};
    }
  }
  // A member that was silent for too long has left without noticing. Its commit would not be refused by the broker if
  // the group happened to be empty by now.
  if (rd_kafka_assignment_lost(client_->handle()) != 0 || MemberId() != member_id_) {
    return {Code::kConflict, "this member lost its partitions: it did not poll or was not heard in time"};
  }
  auto offsets = next_offsets;
  if (topic_was_gone_) {
    ASSIGN_OR_RETURN(offsets, WithoutGoneTopics(std::move(offsets)));
    topic_was_gone_ = false;
    if (offsets.empty()) return {};
  }
  // On a queue of our own, because the waiting call has no time limit.
  const Queue queue(rd_kafka_queue_new(client_->handle()));
  const auto asked =
      rd_kafka_commit_queue(client_->handle(), PartitionsOf(offsets).get(), queue.get(), nullptr, nullptr);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(asked, "committing offsets");
  const Event answer(
      rd_kafka_queue_poll(queue.get(), static_cast<int>(std::chrono::milliseconds(kCommitTimeout).count())));
  if (!answer) return client_->Failed(RD_KAFKA_RESP_ERR__TIMED_OUT, "committing offsets");
  auto error = rd_kafka_event_error(answer.get());
  const auto* partitions = rd_kafka_event_topic_partition_list(answer.get());
  for (int i = 0; error == RD_KAFKA_RESP_ERR_NO_ERROR && partitions != nullptr && i < partitions->cnt; ++i) {
    error = partitions->elems[i].err;
  }
  topic_was_gone_ = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(error, "committing offsets");
  return {};
}

/// With a time limit; a member that cannot say goodbye is missed after its session timeout.
void Consumer::LeaveGroup() {
  leaving_ = true;
  const Queue queue(rd_kafka_queue_new(client_->handle()));
  Fault(rd_kafka_consumer_close_queue(client_->handle(), queue.get()));
  const auto deadline = Deadline::After(kLeaveTimeout);
  while (rd_kafka_consumer_closed(client_->handle()) == 0 && !deadline.expired()) {
    const Event event(rd_kafka_queue_poll(queue.get(), 20));
    if (event && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      GiveBack(client_->handle(), rd_kafka_event_topic_partition_list(event.get()));
    }
  }
  leaving_ = false;
}

void Consumer::Close() {
  if (!client_) return;
  if (member_) LeaveGroup();
  client_.reset();
  member_ = false;
  member_id_.clear();
  owned_.clear();
  warned_.clear();
  listener_ = {};
}

}  // namespace millrace::kafka
