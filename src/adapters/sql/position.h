#pragma once

#include <cstdint>

#include "core/log.h"

namespace millrace::sql {

/// From three columns: topic, partition, offset.
template <typename Row>
core::Position ReadPosition(const Row& row, int first) {
  return {row.Text(first), static_cast<std::int32_t>(row.Int(first + 1)), row.Int(first + 2)};
}

}  // namespace millrace::sql
