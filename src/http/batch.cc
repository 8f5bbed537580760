#include "http/batch.h"

#include <limits>
#include <variant>

#include "http/codec.h"

namespace millrace::http {

using Need = JsonObject::Need;

std::vector<std::int64_t> TakeIdsOrFilter(JsonObject& object, std::int64_t highest,
                                          const std::function<void(JsonObject&)>& take) {
  const auto ids = object.Integers("ids", 1, highest, kMaxBatch);
  auto filter = object.Object("filter", Need::kNullable);
  if (filter) {
    take(*filter);
    filter->RefuseOthers();
  }
  if (ids.has_value() == filter.has_value()) {
    object.AddError("ids", "must be given, or else filter, which may be empty: {} means all");
  } else if (ids && ids->empty()) {
    object.AddError("ids", "must name at least one");
  } else if (ids) {
    return *ids;
  }
  return {};
}

std::optional<std::int64_t> TakeIdCursor(JsonObject& object) {
  const auto cursor = object.String("cursor", Need::kNullable);
  if (!cursor) return std::nullopt;
  const auto id = DecodeInteger("cursor", *cursor, 1, std::numeric_limits<std::int64_t>::max());
  if (std::holds_alternative<std::int64_t>(id)) return std::get<std::int64_t>(id);
  object.AddError("cursor", "must be a next_cursor of an answer");
  return std::nullopt;
}

}  // namespace millrace::http
