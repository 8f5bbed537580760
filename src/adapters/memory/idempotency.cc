#include <algorithm>

#include "adapters/memory/ports.h"

namespace millrace::memory {
namespace {

bool IsHeldBy(const KeyedRequest& request, const std::string& owner) {
  return !request.row.answer && request.row.owner == owner;
}

bool ShowsDeleted(Tables& tables, const KeyedRequest& request) {
  return std::any_of(request.accepted.begin(), request.accepted.end(), [&](const auto& item) {
    const DocumentRow* document = tables.Find(item.second.id);
    return document != nullptr && document->deleted();
  });
}

}  // namespace

base::Result<core::RequestState> RequestTable::Begin(const core::RequestClaim& claim, base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The request was not begun in time."};
  std::lock_guard lock(tables_.mutex);
  const auto now = core::Now();
  const auto found = tables_.requests.find(claim.id);
  if (found == tables_.requests.end() || found->second.row.expired(now)) {
    tables_.requests[claim.id] = {{claim.fingerprint, claim.owner, now, now, {}}, {}};
    return core::RequestState{};
  }
  core::RequestRow& row = found->second.row;
  core::RequestState state = core::Judge(row, claim);
  if (state.kind == core::RequestState::Kind::kOurs) {
    row.owner = claim.owner;
    row.begun_at = now;
  }
  return state;
}

base::Status RequestTable::Finish(const std::string& id, const std::string& owner, const core::KeptAnswer& answer,
                                  base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The answer was not kept in time."};
  std::lock_guard lock(tables_.mutex);
  const auto found = tables_.requests.find(id);
  if (found == tables_.requests.end() || !IsHeldBy(found->second, owner)) return {};
  found->second.row.owner.clear();
  if (!ShowsDeleted(tables_, found->second)) found->second.row.answer = answer;
  return {};
}

base::Status RequestTable::Release(const std::string& id, const std::string& owner, base::Deadline deadline) {
  if (deadline.expired()) return {base::Code::kDeadlineExceeded, "The request was not given back in time."};
  std::lock_guard lock(tables_.mutex);
  const auto found = tables_.requests.find(id);
  if (found == tables_.requests.end() || !IsHeldBy(found->second, owner)) return {};
  found->second.row.owner.clear();
  if (found->second.accepted.empty()) tables_.requests.erase(found);
  return {};
}

void Tables::ForgetAnswers(core::DocumentId id) {
  for (auto& [key, request] : requests) {
    const bool shows = std::any_of(request.accepted.begin(), request.accepted.end(),
                                   [id](const auto& item) { return item.second.id == id; });
    if (shows) request.row.answer.reset();
  }
}

}  // namespace millrace::memory
