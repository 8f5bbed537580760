#include "core/topic_rules.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

#include "core/invalid.h"

namespace millrace::core {
namespace {

/// A limit of Kafka's: -1 for none, else from 0.
base::Result<std::optional<std::int64_t>> ParseLimit(const std::string& name, const std::string& text) {
  std::int64_t limit = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, limit);
  if (text.empty() || error != std::errc() || stopped != end || limit < -1) {
    return Invalid("/config/" + name, fmt::format("{} is a whole number from 0, or -1 for no limit", name));
  }
  return limit < 0 ? std::optional<std::int64_t>() : limit;
}

}  // namespace

bool IsTopicName(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

base::Result<Retention> ParseRetention(const std::map<std::string, std::string>& config) {
  Retention retention;
  for (const auto& [name, value] : config) {
    if (name == "retention.ms") {
      ASSIGN_OR_RETURN(const auto age, ParseLimit(name, value));
      if (age) retention.age = std::chrono::milliseconds(*age);
    } else if (name == "retention.bytes") {
      ASSIGN_OR_RETURN(retention.bytes, ParseLimit(name, value));
    } else if (name == "cleanup.policy") {
      if (value != "delete") return Invalid("/config/" + name, "cleanup.policy can only be delete here");
    } else {
      return Invalid("/config/" + name,
                     fmt::format("{} is not known here: retention.ms, retention.bytes and cleanup.policy are", name));
    }
  }
  return retention;
}

base::Status CheckEmbeddedTopic(const TopicSpec& spec) {
  if (!IsTopicName(spec.name)) {
    return Invalid("/name", "a topic's name has 1 to 249 letters, digits, dots, dashes or underscores");
  }
  if (spec.partitions < 1 || spec.partitions > kMaxEmbeddedPartitions) {
    return Invalid("/partitions", fmt::format("a topic has 1 to {} partitions", kMaxEmbeddedPartitions));
  }
  if (spec.replication != 1) return Invalid("/replication", "replication can only be 1 here: there are no brokers");
  RETURN_IF_ERROR(ParseRetention(spec.config));
  return {};
}

base::Result<TopicSpec> ChangedTopic(TopicSpec spec, const TopicChange& change) {
  if (change.partitions) {
    if (*change.partitions <= spec.partitions) {
      return Invalid("/partitions", fmt::format("the topic has {} partitions, and can only get more", spec.partitions));
    }
    spec.partitions = *change.partitions;
  }
  for (const auto& [name, value] : change.config) {
    if (value) {
      spec.config[name] = *value;
    } else {
      spec.config.erase(name);
    }
  }
  RETURN_IF_ERROR(CheckEmbeddedTopic(spec));
  return spec;
}

}  // namespace millrace::core
