#include "adapters/kafka/records.h"

#include <optional>
#include <string>

namespace millrace::kafka {
namespace {

/// A null pointer is null, not empty.
std::optional<std::string> Bytes(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string(static_cast<const char*>(data), size);
}

}  // namespace

Headers HeadersOf(const std::vector<core::RecordHeader>& headers) {
  if (headers.empty()) return nullptr;
  Headers made(rd_kafka_headers_new(headers.size()));
  for (const core::RecordHeader& header : headers) {
    rd_kafka_header_add(made.get(), header.name.data(), static_cast<ssize_t>(header.name.size()), header.value.data(),
                        static_cast<ssize_t>(header.value.size()));
  }
  return made;
}

core::LogRecord RecordOf(const rd_kafka_message_t& message) {
  core::LogRecord record;
  record.position = {rd_kafka_topic_name(message.rkt), message.partition, message.offset};
  record.key = Bytes(message.key, message.key_len);
  record.value = Bytes(message.payload, message.len);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t timestamp = rd_kafka_message_timestamp(&message, &type);
  if (type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
    record.timestamp = core::Timestamp(std::chrono::milliseconds(timestamp));
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.push_back({name, Bytes(value, size).value_or("")});
  }
  return record;
}

PartitionList PartitionsOf(const std::map<core::TopicPartition, std::int64_t>& offsets) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [partition, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset = offset;
  }
  return list;
}

std::vector<core::TopicPartition> NamesOf(const rd_kafka_topic_partition_list_t& partitions) {
  std::vector<core::TopicPartition> names;
  for (int i = 0; i < partitions.cnt; ++i) names.push_back({partitions.elems[i].topic, partitions.elems[i].partition});
  return names;
}

}  // namespace millrace::kafka
