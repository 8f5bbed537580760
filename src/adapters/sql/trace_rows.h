#pragma once

#include <cstdint>
#include <string_view>

#include "adapters/sql/position.h"
#include "core/document_traces.h"

/// What both databases say alike of what is left of a document; see document_rows.h.
namespace millrace::sql {

/// Of one document: whether it is deleted, then the columns of a record.
constexpr std::string_view kSelectStateTraces = R"sql(
    SELECT status = 'deleted', position_topic, position_partition, position_offset, position_at
    FROM document_state WHERE document_id = {})sql";

/// Of one document: two records a row, the original and its copy.
constexpr std::string_view kSelectLetterTraces = R"sql(
    SELECT original_topic, original_partition, original_offset, original_at,
           position_topic, position_partition, position_offset, failed_at
    FROM dead_letters WHERE document_id = {} ORDER BY id)sql";

/// From four columns: topic, partition, offset, timestamp.
template <typename Row>
void AddRecord(const Row& row, int first, core::DocumentTraces& traces) {
  if (row.IsNull(first)) return;
  traces.records.push_back({ReadPosition(row, first), row.OptionalTime(first + 3)});
}

}  // namespace millrace::sql
