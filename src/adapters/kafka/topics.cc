#include "adapters/kafka/topics.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <thread>
#include <utility>

#include "adapters/kafka/errors.h"
#include "adapters/kafka/records.h"

namespace millrace::kafka {
namespace {

using base::Code;
using base::Deadline;
using Mode = AdminClient::Mode;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using DoomedTopic = std::unique_ptr<rd_kafka_DeleteTopic_t, Destroy<rd_kafka_DeleteTopic_destroy>>;
using DoomedRecords = std::unique_ptr<rd_kafka_DeleteRecords_t, Destroy<rd_kafka_DeleteRecords_destroy>>;
using NewPartitions = std::unique_ptr<rd_kafka_NewPartitions_t, Destroy<rd_kafka_NewPartitions_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<rd_kafka_ConfigResource_destroy>>;
constexpr int kListAttempts = 3;
constexpr auto kLook = std::chrono::milliseconds(20);

/// The member of the caller's request that an error is about.
std::string FieldOf(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: return "/name";
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS: return "/partitions";
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR: return "/replication";
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG: return "/config";
    default: return "";
  }
}

base::Status StatusOf(const AdminClient& admin, rd_kafka_resp_err_t error, const char* reason,
                      const std::string& name) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  base::Error failed = admin.client().Failed(error, fmt::format("topic {}", name), reason == nullptr ? "" : reason);
  failed.field = FieldOf(error);
  return failed;
}

base::Status StatusOf(const AdminClient& admin, const rd_kafka_topic_result_t** results, std::size_t count,
                      const std::string& name) {
  if (count != 1) return {Code::kInternal, fmt::format("Kafka answered nothing about topic {}", name)};
  return StatusOf(admin, rd_kafka_topic_result_error(results[0]), rd_kafka_topic_result_error_string(results[0]), name);
}

/// The controller has done it; the brokers hear of it a moment later. Not seeing it in time is no failure.
template <typename Condition>
void WaitUntil(Condition condition) {
  const auto deadline = Deadline::After(kAdminTimeout);
  while (!condition() && !deadline.expired()) std::this_thread::sleep_for(kLook);
}

bool HasLeaders(AdminClient& admin, const std::string& name, std::int32_t partitions) {
  const auto layout = admin.Topic(name);
  return layout && layout->size() >= static_cast<std::size_t>(partitions) &&
         std::all_of(layout->begin(), layout->end(), [](const auto& item) { return item.second.leader >= 0; });
}

core::TopicSpec SpecOf(const std::string& name, const std::map<std::int32_t, core::PartitionInfo>& partitions) {
  core::TopicSpec spec;
  spec.name = name;
  spec.partitions = static_cast<std::int32_t>(partitions.size());
  spec.replication =
      partitions.empty() ? std::int16_t{0} : static_cast<std::int16_t>(partitions.begin()->second.replicas.size());
  return spec;
}

}  // namespace

/// Kafka on ZooKeeper deletes a topic when it comes to it: until then its name is taken, though no broker shows it.
base::Status Topics::CreateTopic(const core::TopicSpec& spec) {
  const auto deadline = Deadline::After(kAdminTimeout);
  while (true) {
    base::Status created = CreateOnce(spec);
    if (created || created.error().code != Code::kConflict || deadline.expired()) return created;
    if (const auto layout = admin_.Topic(spec.name); layout || layout.error().code != Code::kNotFound) return created;
    std::this_thread::sleep_for(kLook);
  }
}

base::Status Topics::CreateOnce(const core::TopicSpec& spec) {
  // To Kafka, -1 partitions are its default; here they are a mistake.
  if (spec.partitions < 1)
    return base::Error{Code::kInvalidArgument, "a topic has at least 1 partition", "/partitions"};
  if (spec.replication < 1 && spec.replication != core::kBrokersReplication) {
    return base::Error{Code::kInvalidArgument, "a topic has at least 1 replica", "/replication"};
  }
  Reason reason{};
  const NewTopic topic(
      rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication, reason.data(), reason.size()));
  if (!topic) return {Code::kInvalidArgument, fmt::format("topic {}: {}", spec.name, reason.data())};
  for (const auto& [name, value] : spec.config) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, "creating a topic",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_NewTopic_t* topics[] = {topic.get()};
                                                   rd_kafka_CreateTopics(handle, topics, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  RETURN_IF_ERROR(StatusOf(admin_, results, count, spec.name));
  WaitUntil([&] { return HasLeaders(admin_, spec.name, spec.partitions); });
  return {};
}

base::Status Topics::DeleteTopic(const std::string& name) {
  const DoomedTopic topic(rd_kafka_DeleteTopic_new(name.c_str()));
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, "deleting a topic",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_DeleteTopic_t* topics[] = {topic.get()};
                                                   rd_kafka_DeleteTopics(handle, topics, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  RETURN_IF_ERROR(StatusOf(admin_, results, count, name));
  WaitUntil([&] {
    const auto layout = admin_.Topic(name);
    return !layout && layout.error().code == Code::kNotFound;
  });
  return {};
}

base::Result<std::int64_t> Topics::EmptyTopic(const std::string& name) {
  ASSIGN_OR_RETURN(auto partitions, admin_.Topic(name));
  const Layouts layouts = {{name, std::move(partitions)}};
  ASSIGN_OR_RETURN(const auto low, admin_.Offsets(layouts, AdminClient::kStart));
  ASSIGN_OR_RETURN(const auto high, admin_.Offsets(layouts, AdminClient::kEnd));
  for (const auto& [partition, info] : layouts.at(name)) {
    if (low.contains({name, partition}) && high.contains({name, partition})) continue;
    return {Code::kUnavailable, fmt::format("partition {} of topic {} has no leader at the moment", partition, name)};
  }
  const PartitionList ends = PartitionsOf(high);
  const DoomedRecords records(rd_kafka_DeleteRecords_new(ends.get()));
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_DELETERECORDS, "emptying a topic",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_DeleteRecords_t* all[] = {records.get()};
                                                   rd_kafka_DeleteRecords(handle, all, 1, options, queue);
                                                 }));
  const auto* results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  std::int64_t removed = 0;
  for (int i = 0; i < results->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = results->elems[i];
    if (one.err == RD_KAFKA_RESP_ERR_POLICY_VIOLATION) {
      return {Code::kConflict,
              fmt::format("topic {} is compacted: Kafka removes records on request only from topics whose "
                          "cleanup.policy has delete in it",
                          name)};
    }
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return admin_.client().Failed(one.err, fmt::format("partition {} of topic {}", one.partition, name));
    }
    removed += one.offset - low.at({name, one.partition});  // the start as the broker has it now
  }
  return removed;
}

base::Status Topics::AlterTopic(const std::string& name, const core::TopicChange& change) {
  ASSIGN_OR_RETURN(const auto layout, admin_.Topic(name));
  // Two requests to Kafka: the one that is refused more often is tried without effect first.
  if (change.partitions) RETURN_IF_ERROR(AddPartitions(name, *change.partitions, Mode::kOnlyValidate));
  if (!change.config.empty()) RETURN_IF_ERROR(ChangeConfig(name, change));
  if (change.partitions) RETURN_IF_ERROR(AddPartitions(name, *change.partitions, Mode::kDo));
  return {};
}

base::Status Topics::AddPartitions(const std::string& name, std::int32_t total, Mode mode) {
  Reason reason{};
  const NewPartitions partitions(total < 1 ? nullptr
                                           : rd_kafka_NewPartitions_new(name.c_str(), static_cast<std::size_t>(total),
                                                                        reason.data(), reason.size()));
  if (!partitions) return base::Error{Code::kInvalidArgument, "a topic has at least 1 partition", "/partitions"};
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(
                                          RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "adding partitions",
                                          [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                            rd_kafka_NewPartitions_t* all[] = {partitions.get()};
                                            rd_kafka_CreatePartitions(handle, all, 1, options, queue);
                                          },
                                          mode));
  std::size_t count = 0;
  const auto results =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
  RETURN_IF_ERROR(StatusOf(admin_, results, count, name));
  if (mode == Mode::kDo) WaitUntil([&] { return HasLeaders(admin_, name, total); });
  return {};
}

base::Status Topics::ChangeConfig(const std::string& name, const core::TopicChange& change) {
  ASSIGN_OR_RETURN(auto wanted, ConfigOf(name));
  for (const auto& [key, value] : change.config) {
    if (value) {
      wanted[key] = *value;
    } else {
      wanted.erase(key);
    }
  }
  const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
#if RD_KAFKA_VERSION >= 0x020200ff
  for (const auto& [key, value] : change.config) {
    const auto operation = value ? RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET : RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE;
    Fault(rd_kafka_ConfigResource_add_incremental_config(resource.get(), key.c_str(), operation,
                                                         value ? value->c_str() : nullptr));
  }
  constexpr auto kOperation = RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
  constexpr auto kSend = rd_kafka_IncrementalAlterConfigs;
  constexpr auto kResult = rd_kafka_event_IncrementalAlterConfigs_result;
  constexpr auto kResources = rd_kafka_IncrementalAlterConfigs_result_resources;
#else
  // Replaces the whole: two at the same time can undo each other.
  for (const auto& [key, value] : wanted)
    rd_kafka_ConfigResource_set_config(resource.get(), key.c_str(), value.c_str());
  constexpr auto kOperation = RD_KAFKA_ADMIN_OP_ALTERCONFIGS;
  constexpr auto kSend = rd_kafka_AlterConfigs;
  constexpr auto kResult = rd_kafka_event_AlterConfigs_result;
  constexpr auto kResources = rd_kafka_AlterConfigs_result_resources;
#endif
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(kOperation, "changing a topic's configuration",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_ConfigResource_t* all[] = {resource.get()};
                                                   kSend(handle, all, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto results = kResources(kResult(event.get()), &count);
  if (count != 1) return {Code::kInternal, fmt::format("Kafka answered nothing about topic {}", name)};
  RETURN_IF_ERROR(StatusOf(admin_, rd_kafka_ConfigResource_error(results[0]),
                           rd_kafka_ConfigResource_error_string(results[0]), name));
  WaitUntil([&] {
    const auto seen = ConfigOf(name);
    return !seen || *seen == wanted;
  });
  return {};
}

base::Result<std::map<std::string, std::string>> Topics::ConfigOf(const std::string& name) {
  ASSIGN_OR_RETURN(Settings settings, SettingsOf(name));
  return std::move(settings.own);
}

base::Result<Topics::Settings> Topics::SettingsOf(const std::string& name) {
  const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  ASSIGN_OR_RETURN(const Event event,
                   admin_.Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "asking for a topic's configuration",
                              [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                rd_kafka_ConfigResource_t* all[] = {resource.get()};
                                rd_kafka_DescribeConfigs(handle, all, 1, options, queue);
                              }));
  std::size_t count = 0;
  const auto results =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return {Code::kInternal, fmt::format("Kafka answered nothing about topic {}", name)};
  RETURN_IF_ERROR(StatusOf(admin_, rd_kafka_ConfigResource_error(results[0]),
                           rd_kafka_ConfigResource_error_string(results[0]), name));
  Settings settings;
  const auto entries = rd_kafka_ConfigResource_configs(results[0], &count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view setting = rd_kafka_ConfigEntry_name(entries[i]);
    const char* text = rd_kafka_ConfigEntry_value(entries[i]);
    const std::string_view value = text == nullptr ? "" : text;
    if (std::int64_t milliseconds = 0;
        setting == "retention.ms" &&
        std::from_chars(value.data(), value.data() + value.size(), milliseconds).ec == std::errc()) {
      settings.retention_ms = milliseconds;
    }
    if (rd_kafka_ConfigEntry_source(entries[i]) != RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) continue;
    settings.own[std::string(setting)] = value;
  }
  return settings;
}

base::Result<std::vector<core::TopicInfo>> Topics::ListTopics() {
  for (int attempt = 1;; ++attempt) {
    auto infos = ListOnce();
    // A topic that went between the questions fails them all.
    if (infos || infos.error().code != Code::kNotFound || attempt == kListAttempts) return infos;
  }
}

base::Result<std::vector<core::TopicInfo>> Topics::ListOnce() {
  ASSIGN_OR_RETURN(Layouts layouts, admin_.AllTopics());
  std::erase_if(layouts, [](const auto& item) { return item.first.starts_with("__"); });
  ASSIGN_OR_RETURN(const auto low, admin_.Offsets(layouts, AdminClient::kStart));
  ASSIGN_OR_RETURN(const auto high, admin_.Offsets(layouts, AdminClient::kEnd));
  std::vector<core::TopicInfo> infos;
  for (const auto& [name, partitions] : layouts) {
    core::TopicInfo& info = infos.emplace_back(core::TopicInfo{SpecOf(name, partitions), {}, 0});
    std::size_t in_sync = std::numeric_limits<std::int16_t>::max();
    for (const auto& [partition, layout] : partitions) {
      in_sync = std::min(in_sync, layout.in_sync.size());
      const auto first = low.find({name, partition}), end = high.find({name, partition});
      if (first != low.end() && end != high.end()) info.watermarks[partition] = {first->second, end->second};
    }
    if (!partitions.empty()) info.in_sync = static_cast<std::int32_t>(in_sync);
  }
  return infos;
}

base::Result<core::TopicDescription> Topics::DescribeTopic(const std::string& name) {
  core::TopicDescription description;
  ASSIGN_OR_RETURN(description.partitions, admin_.Topic(name));
  description.spec = SpecOf(name, description.partitions);
  ASSIGN_OR_RETURN(Settings settings, SettingsOf(name));
  description.spec.config = std::move(settings.own);
  description.retention_ms = settings.retention_ms;
  const Layouts layouts = {{name, description.partitions}};
  ASSIGN_OR_RETURN(const auto low, admin_.Offsets(layouts, AdminClient::kStart));
  ASSIGN_OR_RETURN(const auto high, admin_.Offsets(layouts, AdminClient::kEnd));
  for (auto& [partition, info] : description.partitions) {
    const auto first = low.find({name, partition}), end = high.find({name, partition});
    if (first != low.end() && end != high.end()) info.marks = {first->second, end->second};
  }
  return description;
}

}  // namespace millrace::kafka
