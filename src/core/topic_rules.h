#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/log.h"

/// Kafka's rules for topics, as far as a log without brokers has them. Errors are kInvalidArgument and name the field.
namespace millrace::core {

inline constexpr std::int32_t kMaxEmbeddedPartitions = 1024;

bool IsTopicName(std::string_view name);

/// How long and how much a partition keeps; none: without limit.
struct Retention {
  std::optional<std::chrono::milliseconds> age;
  std::optional<std::int64_t> bytes;
};

/// Knows `retention.ms`, `retention.bytes` and `cleanup.policy` = `delete`.
base::Result<Retention> ParseRetention(const std::map<std::string, std::string>& config);

/// Name, partitions, one replica, config.
base::Status CheckEmbeddedTopic(const TopicSpec& spec);

/// `spec` after `change`.
base::Result<TopicSpec> ChangedTopic(TopicSpec spec, const TopicChange& change);

}  // namespace millrace::core
