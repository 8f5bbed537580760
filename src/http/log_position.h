#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "core/log.h"
#include "http/codec.h"

namespace millrace::http {

/// Where reading begins in each partition.
struct FromBeginning {};
struct FromEnd {};
struct FromOffset {
  std::int64_t offset = 0;
};
struct FromFirst {  // but so many
  std::int64_t count = 0;
};
struct FromLast {  // so many records before the end
  std::int64_t count = 0;
};
struct FromTime {
  core::Timestamp time;
};
using NextOffsets = std::map<std::int32_t, std::int64_t>;  // by partition; those not named: from their beginning
using LogStart = std::variant<FromBeginning, FromEnd, FromOffset, FromFirst, FromLast, FromTime, NextOffsets>;

/// `beginning`, `end`, `5`, `+5`, `-5`, `@2026-01-15T10:30:00Z`, `@1768473000000` (milliseconds since 1970), `@-15m`
/// (s, m, h or d ago), or `0:12,1:7` as FormatNextOffsets writes it.
Decoded<LogStart> DecodeLogStart(std::string_view name, std::string_view text, core::Timestamp now);

std::string FormatNextOffsets(const NextOffsets& next);

/// Offsets within what each of `partitions` holds. kUnavailable and so on as GroupAdmin::OffsetsAt.
base::Result<NextOffsets> ResolveLogStart(const LogStart& start, const std::string& topic,
                                          const std::map<std::int32_t, core::PartitionInfo>& partitions,
                                          core::GroupAdmin& groups);

}  // namespace millrace::http
