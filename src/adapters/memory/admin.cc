#include <fmt/core.h>

#include "adapters/memory/ports.h"

namespace millrace::memory {
namespace {

bool Waits(const DocumentRow& document, core::Timestamp before) {
  using Status = core::DocumentStatus;
  if (document.updated_at >= before && document.updated_at <= before + core::kProgressBelieved) return false;
  if (document.status == Status::kRetrying) return document.next_attempt_at < before;
  return document.status == Status::kQueued || document.status == Status::kProcessing;
}

}  // namespace

base::Result<core::StoreIdentity> Admin::Identity() {
  std::lock_guard lock(tables_.mutex);
  return core::StoreIdentity{tables_.store_id, tables_.epoch};
}

base::Result<core::StoreIdentity> Admin::BeginEpoch() {
  std::lock_guard lock(tables_.mutex);
  tables_.last_document_id += core::kEpochGap;
  return core::StoreIdentity{tables_.store_id, ++tables_.epoch};
}

base::Status Admin::ClaimModel(const std::string& model) {
  std::lock_guard lock(tables_.mutex);
  if (tables_.dimensions && !tables_.model.empty() && tables_.model != model) {
    return {base::Code::kConflict,
            fmt::format("The vectors in the store are of `{}`, not of `{}`.", tables_.model, model)};
  }
  tables_.model = model;
  return {};
}

base::Result<std::int64_t> Admin::RemoveExpired(core::Timestamp now) {
  std::lock_guard lock(tables_.mutex);
  std::int64_t removed = 0;
  for (auto& [id, document] : tables_.documents) {
    for (auto it = document.chunks.begin(); it != document.chunks.end();) {
      const auto& [version, chunks] = *it++;
      if (chunks.overtaken_at && *chunks.overtaken_at + kOvertakenChunksStay <= now) {
        removed += tables_.EraseChunks(document, version);
      }
    }
    removed += static_cast<std::int64_t>(std::erase_if(document.bodies, [now](const auto& item) {
      return item.second.overtaken_at && *item.second.overtaken_at + core::kOvertakenKept <= now;
    }));
  }
  removed += static_cast<std::int64_t>(
      std::erase_if(tables_.requests, [now](const auto& item) { return item.second.row.expired(now); }));
  return removed;
}

base::Result<std::vector<core::Stalled>> Admin::FindStalled(core::Timestamp before, core::DocumentId after,
                                                            std::size_t limit) {
  std::lock_guard lock(tables_.mutex);
  std::vector<core::Stalled> stalled;
  for (const auto& [id, document] : tables_.documents) {
    if (stalled.size() >= limit) break;
    if (id <= after || !Waits(document, before) || tables_.OwesRecord(id)) continue;
    const bool delivered = document.origin && document.origin->version == document.version;
    stalled.push_back({id, document.version, delivered ? document.origin->position : core::Position{},
                       document.status == core::DocumentStatus::kRetrying});
  }
  return stalled;
}

base::Status Admin::Probe(std::chrono::milliseconds) { return {}; }

}  // namespace millrace::memory
