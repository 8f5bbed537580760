#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/log.h"

namespace millrace::core {

/// Of a header that Millrace added to a record, such as `millrace-version`; all others are its producer's.
bool IsOwnHeader(std::string_view name);

/// How stores keep headers, whose names and values may be any bytes: names and values in turn, each after its length of
/// 4 bytes, little-endian. Empty when there are none. Damaged: kCorrupt.
std::string EncodeHeaders(const std::vector<RecordHeader>& headers);
base::Result<std::vector<RecordHeader>> DecodeHeaders(std::string_view bytes);

}  // namespace millrace::core
