#include "adapters/kafka/admin_client.h"

#include <fmt/core.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "adapters/kafka/errors.h"
#include "adapters/kafka/records.h"

namespace millrace::kafka {
namespace {

using base::Code;

constexpr int kTimeout = static_cast<int>(kAdminTimeout.count());
constexpr int kGrace = 500;  // librdkafka keeps to the request's own timeout; this is for its threads to say so

constexpr auto kLeaderPatience = std::chrono::seconds(2);
constexpr auto kLeaderRetry = std::chrono::milliseconds(50);

using RawMetadata = std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>>;

std::map<std::int32_t, core::PartitionInfo> LayoutOf(const rd_kafka_metadata_topic_t& topic) {
  std::map<std::int32_t, core::PartitionInfo> partitions;
  for (int p = 0; p < topic.partition_cnt; ++p) {
    const rd_kafka_metadata_partition_t& from = topic.partitions[p];
    core::PartitionInfo& info = partitions[from.id];
    info.leader = from.leader;
    info.replicas.assign(from.replicas, from.replicas + from.replica_cnt);
    info.in_sync.assign(from.isrs, from.isrs + from.isr_cnt);
  }
  return partitions;
}

}  // namespace

base::Result<std::unique_ptr<AdminClient>> AdminClient::Open(const Settings& settings) {
  // A consumer's handle, because a producer's makes the broker create what is asked about.
  ASSIGN_OR_RETURN(auto client, Client::Open(RD_KAFKA_CONSUMER, settings));
  return std::unique_ptr<AdminClient>(new AdminClient(std::move(client)));
}

base::Status AdminClient::Probe(std::chrono::milliseconds timeout) {
  rd_kafka_poll(client_->handle(), 0);
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client_->handle(), 0, nullptr, &raw, static_cast<int>(timeout.count()));
  const RawMetadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(error, "");
  return {};
}

base::Result<Layouts> AdminClient::Metadata(const std::string* topic) {
  rd_kafka_poll(client_->handle(), 0);  // drops the connection errors that wait there: Failed() knows them
  const TopicHandle named(topic == nullptr ? nullptr : rd_kafka_topic_new(client_->handle(), topic->c_str(), nullptr));
  if (topic != nullptr && !named) return {Code::kInvalidArgument, fmt::format("{} cannot be a topic's name", *topic)};
  const rd_kafka_metadata_t* raw = nullptr;
  const auto error = rd_kafka_metadata(client_->handle(), topic == nullptr ? 1 : 0, named.get(), &raw, kTimeout);
  const RawMetadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return client_->Failed(error, "asking Kafka for its topics");
  Layouts layouts;
  for (int t = 0; t < metadata->topic_cnt; ++t) {
    const rd_kafka_metadata_topic_t& found = metadata->topics[t];
    const auto code = CodeOf(found.err);
    if (found.err == RD_KAFKA_RESP_ERR_NO_ERROR || found.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
      layouts[found.topic] = LayoutOf(found);
    } else if (topic != nullptr && code != Code::kNotFound) {
      return client_->Failed(found.err, fmt::format("topic {}", *topic));
    }
  }
  return layouts;
}

base::Result<Layouts> AdminClient::AllTopics() { return Metadata(nullptr); }

base::Result<std::map<std::int32_t, core::PartitionInfo>> AdminClient::Topic(const std::string& name) {
  ASSIGN_OR_RETURN(Layouts layouts, Metadata(&name));
  const auto found = layouts.find(name);
  if (found == layouts.end()) return {Code::kNotFound, fmt::format("there is no topic {}", name)};
  return std::move(found->second);
}

base::Result<std::map<core::TopicPartition, std::int64_t>> AdminClient::Offsets(const Layouts& layouts,
                                                                                std::int64_t time) {
  std::map<core::TopicPartition, std::int64_t> offsets;
  for (const auto& [topic, partitions] : layouts) {
    for (const auto& [partition, info] : partitions) {
      if (info.leader >= 0) offsets[{topic, partition}] = time;
    }
  }
  if (offsets.empty()) return offsets;
  PartitionList list;
  const auto deadline = base::Deadline::After(kLeaderPatience);
  while (true) {
    list = PartitionsOf(offsets);
    const auto error = rd_kafka_offsets_for_times(client_->handle(), list.get(), kTimeout);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
    // A partition that was just made or moved is not known to its leader at once.
    if (IsOutage(error) || deadline.expired()) return client_->Failed(error, "asking Kafka for offsets");
    std::this_thread::sleep_for(kLeaderRetry);
  }
  offsets.clear();
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) offsets[{one.topic, one.partition}] = one.offset;
  }
  return offsets;
}

base::Result<Event> AdminClient::Ask(rd_kafka_admin_op_t operation, std::string_view what, const Request& request,
                                     Mode mode) {
  rd_kafka_poll(client_->handle(), 0);
  const AdminOptions options(rd_kafka_AdminOptions_new(client_->handle(), operation));
  std::array<char, 256> reason{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), kTimeout, reason.data(), reason.size());
  if (mode == Mode::kOnlyValidate) {
    rd_kafka_AdminOptions_set_validate_only(options.get(), 1, reason.data(), reason.size());
  }
  const Queue queue(rd_kafka_queue_new(client_->handle()));
  request(client_->handle(), options.get(), queue.get());
  Event event(rd_kafka_queue_poll(queue.get(), kTimeout + kGrace));
  if (!event) return client_->Failed(RD_KAFKA_RESP_ERR__TIMED_OUT, what);
  const auto error = rd_kafka_event_error(event.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return client_->Failed(error, what, rd_kafka_event_error_string(event.get()));
  return event;
}

}  // namespace millrace::kafka
