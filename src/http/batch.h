#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "http/json_object.h"

namespace millrace::http {

constexpr std::int64_t kMaxBatch = 1000;  // items in one call

/// What calls that work in batches have in common. `ids`, each from 1 to `highest`, or else `filter`, whose members
/// `take` takes; empty where it is the filter.
std::vector<std::int64_t> TakeIdsOrFilter(JsonObject& object, std::int64_t highest,
                                          const std::function<void(JsonObject&)>& take);

/// `cursor`: an id that an answer named as `next_cursor`.
std::optional<std::int64_t> TakeIdCursor(JsonObject& object);

}  // namespace millrace::http
