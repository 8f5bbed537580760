#pragma once

#include <vector>

#include "adapters/kafka/handles.h"
#include "core/log.h"

namespace millrace::kafka {

/// Null when there are none.
Headers HeadersOf(const std::vector<core::RecordHeader>& headers);

/// REQUIRES: a message without an error.
core::LogRecord RecordOf(const rd_kafka_message_t& message);

PartitionList PartitionsOf(const std::map<core::TopicPartition, std::int64_t>& offsets);
std::vector<core::TopicPartition> NamesOf(const rd_kafka_topic_partition_list_t& partitions);

}  // namespace millrace::kafka
