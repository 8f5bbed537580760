#include "core/idempotency.h"

namespace millrace::core {

RequestState Judge(const RequestRow& row, const RequestClaim& claim) {
  using Kind = RequestState::Kind;
  if (row.fingerprint != claim.fingerprint) return {Kind::kMismatch, {}, {}, {}};
  if (row.answer) return {Kind::kAnswered, {}, {}, *row.answer};
  if (row.owner.empty() || row.owner == claim.owner || row.owner == claim.instead_of) return {};
  return {Kind::kUnderWay, row.owner, row.begun_at, {}};
}

}  // namespace millrace::core
