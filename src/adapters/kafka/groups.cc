#include "adapters/kafka/groups.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "adapters/kafka/errors.h"
#include "adapters/kafka/records.h"

namespace millrace::kafka {
namespace {

using base::Code;
using DoomedGroup = std::unique_ptr<rd_kafka_DeleteGroup_t, Destroy<rd_kafka_DeleteGroup_destroy>>;
using OffsetsWanted =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Destroy<rd_kafka_ListConsumerGroupOffsets_destroy>>;
using OffsetsSet =
    std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t, Destroy<rd_kafka_AlterConsumerGroupOffsets_destroy>>;

base::Status StatusOf(const AdminClient& admin, const rd_kafka_error_t* error, const std::string& name) {
  if (error == nullptr) return {};
  return admin.client().Failed(rd_kafka_error_code(error), fmt::format("group {}", name), rd_kafka_error_string(error));
}

base::Error NoGroup(const std::string& name) {
  return {Code::kNotFound, fmt::format("there is no group {}", name), {}};
}

base::Error Unanswered(const std::string& name) {
  return {Code::kInternal, fmt::format("Kafka answered nothing about group {}", name), {}};
}

core::GroupMember MemberOf(const rd_kafka_MemberDescription_t* from) {
  core::GroupMember member;
  member.id = rd_kafka_MemberDescription_consumer_id(from);
  member.client = rd_kafka_MemberDescription_client_id(from);
  member.host = rd_kafka_MemberDescription_host(from);
  const auto* assignment = rd_kafka_MemberDescription_assignment(from);
  const auto* partitions = assignment == nullptr ? nullptr : rd_kafka_MemberAssignment_partitions(assignment);
  if (partitions != nullptr) member.partitions = NamesOf(*partitions);
  std::sort(member.partitions.begin(), member.partitions.end());
  return member;
}

}  // namespace

base::Result<std::vector<core::GroupSummary>> Groups::ListGroups() {
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, "asking Kafka for its groups",
                                                 rd_kafka_ListConsumerGroups));
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  std::size_t count = 0;
  const auto errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) {  // a broker did not answer: half a list would look like a whole one
    return admin_.client().Failed(rd_kafka_error_code(errors[0]), "asking Kafka for its groups",
                                  rd_kafka_error_string(errors[0]));
  }
  std::vector<core::GroupSummary> groups;
  const auto listed = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  for (std::size_t i = 0; i < count; ++i) {
    groups.push_back({rd_kafka_ConsumerGroupListing_group_id(listed[i]),
                      rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(listed[i]))});
  }
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return groups;
}

base::Result<core::GroupInfo> Groups::DescribeGroup(const std::string& name) {
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "asking about a group",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   const char* names[] = {name.c_str()};
                                                   rd_kafka_DescribeConsumerGroups(handle, names, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto described =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count != 1) return Unanswered(name);
  RETURN_IF_ERROR(StatusOf(admin_, rd_kafka_ConsumerGroupDescription_error(described[0]), name));
  const auto state = rd_kafka_ConsumerGroupDescription_state(described[0]);
  if (state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD) return NoGroup(name);  // what brokers say of one they do not know
  core::GroupInfo info;
  info.name = name;
  info.state = rd_kafka_consumer_group_state_name(state);
  const std::size_t members = rd_kafka_ConsumerGroupDescription_member_count(described[0]);
  for (std::size_t i = 0; i < members; ++i) {
    info.members.push_back(MemberOf(rd_kafka_ConsumerGroupDescription_member(described[0], i)));
  }
  ASSIGN_OR_RETURN(info.committed, Committed(name));
  return info;
}

base::Result<std::map<core::TopicPartition, std::int64_t>> Groups::Committed(const std::string& name) {
  const OffsetsWanted wanted(rd_kafka_ListConsumerGroupOffsets_new(name.c_str(), nullptr));  // of every partition
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, "asking for offsets",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_ListConsumerGroupOffsets_t* all[] = {wanted.get()};
                                                   rd_kafka_ListConsumerGroupOffsets(handle, all, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto results = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Unanswered(name);
  RETURN_IF_ERROR(StatusOf(admin_, rd_kafka_group_result_error(results[0]), name));
  std::map<core::TopicPartition, std::int64_t> committed;
  const auto* partitions = rd_kafka_group_result_partitions(results[0]);
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = partitions->elems[i];
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR && one.offset >= 0) committed[{one.topic, one.partition}] = one.offset;
  }
  return committed;
}

base::Status Groups::ResetOffsets(const std::string& name, const std::map<core::TopicPartition, std::int64_t>& next) {
  if (next.empty()) return {};
  const PartitionList list = PartitionsOf(next);
  const OffsetsSet change(rd_kafka_AlterConsumerGroupOffsets_new(name.c_str(), list.get()));
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, "setting offsets",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_AlterConsumerGroupOffsets_t* all[] = {change.get()};
                                                   rd_kafka_AlterConsumerGroupOffsets(handle, all, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return Unanswered(name);
  RETURN_IF_ERROR(StatusOf(admin_, rd_kafka_group_result_error(results[0]), name));
  const auto* partitions = rd_kafka_group_result_partitions(results[0]);
  for (int i = 0; partitions != nullptr && i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = partitions->elems[i];
    if (one.err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    if (CodeOf(one.err) == Code::kConflict) return {Code::kConflict, fmt::format("group {} has members", name)};
    return admin_.client().Failed(one.err, fmt::format("{}-{} of group {}", one.topic, one.partition, name));
  }
  return {};
}

base::Status Groups::DeleteGroup(const std::string& name) {
  const DoomedGroup group(rd_kafka_DeleteGroup_new(name.c_str()));
  ASSIGN_OR_RETURN(const Event event, admin_.Ask(RD_KAFKA_ADMIN_OP_DELETEGROUPS, "deleting a group",
                                                 [&](rd_kafka_t* handle, const auto* options, auto* queue) {
                                                   rd_kafka_DeleteGroup_t* all[] = {group.get()};
                                                   rd_kafka_DeleteGroups(handle, all, 1, options, queue);
                                                 }));
  std::size_t count = 0;
  const auto results = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
  if (count != 1) return Unanswered(name);
  return StatusOf(admin_, rd_kafka_group_result_error(results[0]), name);
}

base::Result<std::map<std::int32_t, std::int64_t>> Groups::OffsetsAt(const std::string& topic, core::Timestamp time) {
  ASSIGN_OR_RETURN(auto partitions, admin_.Topic(topic));
  const Layouts layouts = {{topic, std::move(partitions)}};
  ASSIGN_OR_RETURN(const auto found,
                   admin_.Offsets(layouts, std::max<std::int64_t>(0, time.time_since_epoch().count())));
  ASSIGN_OR_RETURN(const auto ends, admin_.Offsets(layouts, AdminClient::kEnd));
  std::map<std::int32_t, std::int64_t> offsets;
  for (const auto& [partition, offset] : found) {
    const auto end = ends.find(partition);
    if (offset >= 0) {
      offsets[partition.partition] = offset;
    } else if (end != ends.end()) {
      offsets[partition.partition] = end->second;
    }
  }
  return offsets;
}

}  // namespace millrace::kafka
