#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "http/codec.h"
#include "http/json_object.h"
#include "http/json_writer.h"
#include "http/log_position.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

using Need = JsonObject::Need;

std::string GroupOf(const Request& request) { return std::string(Find(request.path_params, "name").value_or("")); }

Response Answer(JsonWriter&& json) {
  Response response;
  response.body = std::move(json).Take();
  return response;
}

Response ListGroups(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto groups = services.log.groups.ListGroups();
  if (!groups) return ToResponse(groups.error());
  JsonWriter json;
  json.BeginObject().Key("groups").BeginArray();
  for (const core::GroupSummary& group : *groups) {
    json.BeginObject().Member("name", group.name).Member("state", group.state).EndObject();
  }
  json.EndArray().EndObject();
  return Answer(std::move(json));
}

using Ends = std::map<core::TopicPartition, core::Watermarks>;

/// Of every partition of the topics that the group reads or has committed to; a topic that is gone has none.
base::Result<Ends> EndsOf(core::LogAdmin& admin, const core::GroupInfo& group) {
  std::set<std::string> topics;
  for (const auto& [partition, offset] : group.committed) topics.insert(partition.topic);
  for (const core::GroupMember& member : group.members) {
    for (const core::TopicPartition& partition : member.partitions) topics.insert(partition.topic);
  }
  Ends ends;
  for (const std::string& name : topics) {
    const auto topic = admin.DescribeTopic(name);
    if (!topic && topic.error().code == base::Code::kNotFound) continue;
    if (!topic) return topic.error();
    for (const auto& [partition, info] : topic->partitions) ends[{name, partition}] = info.marks;
  }
  return ends;
}

void WriteMembers(JsonWriter& json, const core::GroupInfo& group) {
  json.Key("members").BeginArray();
  for (const core::GroupMember& member : group.members) {
    json.BeginObject().Member("id", member.id).Member("client", member.client).Member("host", member.host);
    json.Key("partitions").BeginArray();
    for (const core::TopicPartition& partition : member.partitions) {
      json.BeginObject().Member("topic", partition.topic).Member("partition", partition.partition).EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
}

struct Progress {
  std::optional<std::int64_t> committed, end, lag;
};

std::map<core::TopicPartition, Progress> ProgressOf(const core::GroupInfo& group, const Ends& ends) {
  std::map<core::TopicPartition, Progress> all;
  for (const auto& [partition, marks] : ends) {
    Progress& progress = all[partition];
    progress.end = marks.high;
    progress.lag = marks.high - marks.low;  // without a commit the group begins at the earliest record
  }
  for (const auto& [partition, offset] : group.committed) {
    Progress& progress = all[partition];
    progress.committed = offset;
    if (progress.end) {
      const std::int64_t next = std::max(offset, ends.at(partition).low);
      progress.lag = std::max<std::int64_t>(0, *progress.end - next);
    }
  }
  return all;
}

Response ShowGroup(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const auto group = services.log.groups.DescribeGroup(GroupOf(request));
  if (!group) return ToResponse(group.error());
  const auto ends = EndsOf(services.log.topics, *group);
  if (!ends) return ToResponse(ends.error());
  const auto progress = ProgressOf(*group, *ends);
  std::int64_t lag = 0;
  for (const auto& [partition, one] : progress) lag += one.lag.value_or(0);
  JsonWriter json;
  json.BeginObject().Member("name", group->name).Member("state", group->state).Member("lag", lag);
  WriteMembers(json, *group);
  json.Key("partitions").BeginArray();
  for (const auto& [partition, one] : progress) {
    json.BeginObject().Member("topic", partition.topic).Member("partition", partition.partition);
    json.Member("committed", one.committed).Member("end", one.end).Member("lag", one.lag).EndObject();
  }
  json.EndArray().EndObject();
  return Answer(std::move(json));
}

struct Reset {
  std::string topic;
  std::optional<std::int32_t> partition;
  LogStart to = FromBeginning();
  bool execute = false;
};

LogStart DecodeTarget(JsonObject& object) {
  const auto to = object.String("to", Need::kRequired);
  const bool by_offset = to == "offset", by_time = to == "time";
  const auto offset = object.Integer("offset", 0, std::numeric_limits<std::int32_t>::max() * 1'000'000LL,
                                     by_offset ? Need::kRequired : Need::kOptional);
  const auto text = object.String("time", by_time ? Need::kRequired : Need::kOptional);
  if (offset && to && !by_offset) object.AddError("offset", "must only be given with to offset");
  if (text && to && !by_time) object.AddError("time", "must only be given with to time");
  if (to == "latest") return FromEnd();
  if (by_offset) return FromOffset{offset.value_or(0)};
  if (by_time) {
    const auto time = core::ParseTimestamp(text.value_or(""));
    if (text && !time) object.AddError("time", "must be a time such as 2026-01-15T10:30:00Z");
    return FromTime{time.value_or(core::Timestamp())};
  }
  if (to && to != "earliest") object.AddError("to", "must be earliest, latest, offset or time");
  return FromBeginning();
}

Decoded<Reset> DecodeReset(const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return *problem;
  if (const auto problem = CheckMediaType(request, MediaType::kJson)) return *problem;
  auto parsed = JsonObject::Parse(request.body);
  if (auto* problem = std::get_if<Problem>(&parsed)) return std::move(*problem);
  auto& object = std::get<JsonObject>(parsed);
  Reset reset;
  reset.topic = object.String("topic", Need::kRequired).value_or("");
  if (const auto partition =
          object.Integer("partition", 0, std::numeric_limits<std::int32_t>::max(), Need::kNullable)) {
    reset.partition = static_cast<std::int32_t>(*partition);
  }
  reset.to = DecodeTarget(object);
  reset.execute = object.Bool("execute", Need::kNullable).value_or(false);
  object.RefuseOthers();
  if (auto problem = object.problem()) return std::move(*problem);
  return reset;
}

/// Where each partition would go on. An offset that a partition does not hold is refused, not moved.
Decoded<NextOffsets> PlanReset(const Services& services, const Reset& reset) {
  auto topic = services.log.topics.DescribeTopic(reset.topic);
  if (!topic) return ToProblem(topic.error());
  if (reset.partition) {
    std::erase_if(topic->partitions, [&](const auto& item) { return item.first != *reset.partition; });
    if (topic->partitions.empty()) {
      return Problem{404, fmt::format("topic {} has no partition {}", reset.topic, *reset.partition), {}};
    }
  }
  auto next = ResolveLogStart(reset.to, reset.topic, topic->partitions, services.log.groups);
  if (!next) return ToProblem(next.error());
  if (const auto* from = std::get_if<FromOffset>(&reset.to)) {
    for (const auto& [partition, info] : topic->partitions) {
      if (from->offset >= info.marks.low && from->offset <= info.marks.high) continue;
      return InvalidField(
          "/offset", fmt::format("must be from {} to {} in partition {}", info.marks.low, info.marks.high, partition));
    }
  }
  return *std::move(next);
}

Response ResetGroup(const Services& services, const Request& request) {
  const auto decoded = DecodeReset(request);
  if (const auto* problem = std::get_if<Problem>(&decoded)) return ToResponse(*problem);
  const Reset& reset = std::get<Reset>(decoded);
  const std::string name = GroupOf(request);
  const auto planned = PlanReset(services, reset);
  if (const auto* problem = std::get_if<Problem>(&planned)) return ToResponse(*problem);
  const auto& next = std::get<NextOffsets>(planned);
  auto group = services.log.groups.DescribeGroup(name);
  if (!group && group.error().code == base::Code::kNotFound)
    group = core::GroupInfo{name, "Dead", {}, {}};  // made then
  if (!group) return ToResponse(group.error());
  if (reset.execute) {
    std::map<core::TopicPartition, std::int64_t> offsets;
    for (const auto& [partition, offset] : next) offsets[{reset.topic, partition}] = offset;
    const auto done = services.log.groups.ResetOffsets(name, offsets);
    if (!done) return ToResponse(done.error());
  }
  JsonWriter json;
  json.BeginObject().Member("group", name).Member("topic", reset.topic).Member("executed", reset.execute);
  json.Member("members", group->members.size()).Key("partitions").BeginArray();
  for (const auto& [partition, offset] : next) {
    const auto from = group->committed.find({reset.topic, partition});
    json.BeginObject().Member("partition", partition).Key("from");
    if (from == group->committed.end()) {
      json.Null();
    } else {
      json.Value(from->second);
    }
    json.Member("to", offset).EndObject();
  }
  json.EndArray().EndObject();
  return Answer(std::move(json));
}

Response DeleteGroup(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {})) return ToResponse(*problem);
  const std::string name = GroupOf(request);
  if (const auto deleted = services.log.groups.DeleteGroup(name); !deleted) return ToResponse(deleted.error());
  JsonWriter json;
  json.BeginObject().Member("name", name).Member("status", "deleted").EndObject();
  return Answer(std::move(json));
}

}  // namespace

void AddGroupRoutes(const Services& services, std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* pattern, Scope scope, const char* operation,
                       Response (*answer)(const Services&, const Request&)) {
    Handler handler = [services, answer](const Request& request) { return answer(services, request); };
    routes.push_back({method, pattern, scope, operation, Surface::kV1, std::move(handler)});
  };
  add("GET", "/v1/groups", Scope::kRead, "listGroups", ListGroups);
  add("GET", "/v1/groups/{name}", Scope::kRead, "getGroup", ShowGroup);
  add("POST", "/v1/groups/{name}/reset", Scope::kAdmin, "resetGroup", ResetGroup);
  add("DELETE", "/v1/groups/{name}", Scope::kAdmin, "deleteGroup", DeleteGroup);
}

}  // namespace millrace::http
