#include "ingest/verified_delete.h"

#include <fmt/core.h>

#include <algorithm>

namespace millrace::ingest {

using base::Code;
using base::Deadline;

namespace {

constexpr auto kLook = std::chrono::milliseconds(100);  // at the others' heartbeats, which come every two seconds
constexpr auto kCachePatience = std::chrono::seconds(2);

using Rows = std::pair<const char*, std::int64_t core::DocumentTraces::*>;
constexpr Rows kStoreRows[] = {{"documents", &core::DocumentTraces::documents},
                               {"contents", &core::DocumentTraces::contents},
                               {"chunks", &core::DocumentTraces::chunks},
                               {"outbox", &core::DocumentTraces::outbox},
                               {"dead_letters", &core::DocumentTraces::dead_letters},
                               {"answers", &core::DocumentTraces::answers}};

}  // namespace

bool DeleteReceipt::verified() const {
  const auto gone = [](const auto& item) { return item.second.left == 0; };
  const auto confirmed = [](const Witness& witness) { return witness.confirmed; };
  return std::all_of(store.begin(), store.end(), gone) && (!cache || cache->left == 0) && cache_error.empty() &&
         index.left == 0 && std::all_of(instances.begin(), instances.end(), confirmed);
}

base::Result<DeleteReceipt> VerifiedDelete::Run(core::DocumentId id, Deadline patience, Deadline deadline) {
  patience = patience.EarlierOf(deadline);
  ASSIGN_OR_RETURN(const core::DocumentTraces before, ports_.traces.Find(id));
  DeleteReceipt receipt;
  receipt.id = id;
  receipt.already_deleted = before.deleted;
  const auto keys = CountKeys(receipt, deadline);
  receipt.index.found = ports_.is_indexed(id) ? 1 : 0;

  const base::Status deleted = ports_.intake.Delete(id, deadline);
  ASSIGN_OR_RETURN(core::DocumentTraces after, ports_.traces.Find(id));
  if (!after.deleted)
    return deleted ? base::Error{Code::kConflict, "the document came back at once", {}} : deleted.error();
  RETURN_IF_ERROR(AwaitWitnesses(receipt, patience));

  ASSIGN_OR_RETURN(after, ports_.traces.Find(id));
  for (const auto& [name, rows] : kStoreRows) receipt.store.push_back({name, {before.*rows, after.*rows}});
  if (keys) {
    if (const auto left = CountKeys(receipt, deadline)) receipt.cache = FoundLeft{*keys, *left};
  }
  receipt.index.left = ports_.is_indexed(id) ? 1 : 0;
  auto records = before.records;
  records.insert(records.end(), after.records.begin(), after.records.end());
  AddRecords(records, receipt);
  receipt.checked_at = core::Now();
  return receipt;
}

std::optional<std::int64_t> VerifiedDelete::CountKeys(DeleteReceipt& receipt, Deadline deadline) {
  if (ports_.cache == nullptr) return std::nullopt;
  const auto keys = ports_.cache->Count(receipt.id, Deadline::After(kCachePatience).EarlierOf(deadline));
  if (keys) return *keys;
  receipt.cache_error = keys.error().message;
  return std::nullopt;
}

/// Nothing while the event of the delete has not reached the log.
base::Result<std::optional<VerifiedDelete::EventEnd>> VerifiedDelete::FindEventEnd(core::DocumentId id) {
  ASSIGN_OR_RETURN(const auto traces, ports_.traces.Find(id));
  if (traces.events > 0) return std::optional<EventEnd>();
  ASSIGN_OR_RETURN(const auto topic, ports_.log.DescribeTopic(core::kEventsTopic));
  const auto partition =
      core::PartitionForKey(fmt::format("doc_{}", id), static_cast<std::int32_t>(topic.partitions.size()));
  const auto found = topic.partitions.find(partition);
  if (found == topic.partitions.end()) return base::Error{Code::kUnavailable, "document-events has no partitions", {}};
  return std::optional(EventEnd{{core::kEventsTopic, partition}, found->second.marks.high});
}

/// A server confirms by the offset that its heartbeat names. A worker holds no index: a heartbeat after the delete says
/// that it lives, and what it has in hand meets the fence.
base::Status VerifiedDelete::AwaitWitnesses(DeleteReceipt& receipt, Deadline patience) {
  ASSIGN_OR_RETURN(const auto at_first, ports_.instances.List());
  const core::Instance self = ports_.self();
  receipt.instances.push_back({self.id, self.role, self.url, false});
  for (const core::Instance& one : at_first) {
    if (one.id != self.id) receipt.instances.push_back({one.id, one.role, one.url, false});
  }
  const auto find = [](const std::vector<core::Instance>& among, const std::string& id) {
    return std::find_if(among.begin(), among.end(), [&](const core::Instance& one) { return one.id == id; });
  };
  std::optional<EventEnd> end;
  while (true) {
    receipt.instances.front().confirmed = !ports_.is_indexed(receipt.id);
    if (receipt.instances.size() > 1) {
      if (!end) {
        // An outage of the log only means that nobody can confirm.
        if (auto found = FindEventEnd(receipt.id)) end = *std::move(found);
      }
      ASSIGN_OR_RETURN(const auto now, ports_.instances.List());
      for (DeleteReceipt::Witness& witness : receipt.instances) {
        const auto known = find(now, witness.id);
        if (witness.id == self.id || known == now.end() || !end) continue;
        if (witness.role == core::kServerRole) {
          const auto applied = known->applied.find(end->partition);
          witness.confirmed = applied != known->applied.end() && applied->second >= end->offset;
        } else {
          witness.confirmed = witness.confirmed || known->heartbeat > find(at_first, witness.id)->heartbeat;
        }
      }
    }
    const bool all = std::all_of(receipt.instances.begin(), receipt.instances.end(),
                                 [](const DeleteReceipt::Witness& witness) { return witness.confirmed; });
    if (all || patience.expired() || ports_.stop.stopping()) return {};
    if (ports_.stop.SleepUntil(Deadline::After(kLook).EarlierOf(patience))) return {};
  }
}

void VerifiedDelete::AddRecords(const std::vector<core::KnownRecord>& records, DeleteReceipt& receipt) {
  std::map<std::string, base::Result<core::TopicDescription>> topics;
  for (const core::KnownRecord& known : records) {
    const core::Position& position = known.position;
    const auto seen = [&](const DeleteReceipt::Record& one) { return one.record.position == position; };
    if (std::any_of(receipt.log.begin(), receipt.log.end(), seen)) continue;
    auto topic = topics.find(position.topic);
    if (topic == topics.end()) topic = topics.emplace(position.topic, ports_.log.DescribeTopic(position.topic)).first;
    if (!topic->second) {
      if (topic->second.error().code != Code::kNotFound) receipt.log_error = topic->second.error().message;
      continue;
    }
    const auto partition = topic->second->partitions.find(position.partition);
    if (partition == topic->second->partitions.end() || position.offset < partition->second.marks.low)
      continue;  // gone
    DeleteReceipt::Record record{known, false, std::nullopt};
    if (const auto retention = topic->second->retention_ms) {
      record.for_ever = *retention < 0;
      if (*retention >= 0 && known.timestamp)
        record.kept_until = *known.timestamp + std::chrono::milliseconds(*retention);
    }
    receipt.log.push_back(std::move(record));
  }
}

}  // namespace millrace::ingest
