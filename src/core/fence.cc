#include "core/fence.h"

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace millrace::core {
namespace {

WorkOrder Refuse(std::string reason) {
  WorkOrder order;
  order.verdict = WorkOrder::Verdict::kRefused;
  order.reason = std::move(reason);
  return order;
}

/// Where a record lies relative to the newest one known of its document.
enum class Order { kBefore, kSame, kAfter };

/// Offsets compare within one life of a topic's partition; a record that was written after the stored one and yet lies
/// before it belongs to a topic made anew.
Order Compare(const FenceState& state, const Work& work) {
  if (!state.position) return Order::kAfter;
  const Timestamp position_at = state.position_at.value_or(Timestamp());
  if (work.position == *state.position && work.timestamp <= position_at) return Order::kSame;
  const bool comparable =
      work.position.topic == state.position->topic && work.position.partition == state.position->partition;
  if (comparable && work.position.offset > state.position->offset) return Order::kAfter;
  return work.timestamp > position_at || (!comparable && work.timestamp == position_at) ? Order::kAfter
                                                                                        : Order::kBefore;
}

}  // namespace

std::optional<WorkOrder> FenceVersion(const FenceState* state, DocumentId id, Version version) {
  using Verdict = WorkOrder::Verdict;
  if (state == nullptr || version > state->version) {
    return Refuse(fmt::format("version {} of document {} was never accepted", version, id));
  }
  if (version <= state->deleted_version) return WorkOrder::Skip(Verdict::kDeleted, version);
  if (version == state->indexed_version) return WorkOrder::Skip(Verdict::kAlreadyIndexed, version);
  if (version < state->version) return WorkOrder::Skip(Verdict::kSuperseded, version);
  return std::nullopt;
}

ForeignPlace PlaceForeign(const FenceState& state, const Work& work) {
  const Order order = Compare(state, work);
  if (order == Order::kSame) return ForeignPlace::kSame;
  const bool before_deletion = state.deleted_at && work.timestamp <= *state.deleted_at;
  if (before_deletion || (state.deleted() && order == Order::kBefore)) return ForeignPlace::kDeleted;
  return order == Order::kBefore ? ForeignPlace::kSuperseded : ForeignPlace::kNewest;
}

WorkOrder RefuseForeign(DocumentId id, DocumentId highest) {
  return Refuse(fmt::format("document_id {} is not between 1 and {}", id, highest));
}

base::Status CheckRedrive(const FenceState* state, DocumentId id, Version version) {
  const auto refuse = [&](std::string_view why) -> base::Status {
    return {base::Code::kConflict, fmt::format("document {} {}", id, why)};
  };
  if (state != nullptr && state->deleted()) return refuse("is deleted");
  if (version == 0) return {};
  if (state == nullptr || version <= state->deleted_version) return refuse("was deleted since");
  if (version < state->version) return refuse("has a newer version");
  if (version <= state->indexed_version) return refuse("is indexed");
  return {};
}

}  // namespace millrace::core
