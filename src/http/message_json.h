#pragma once

#include <string_view>

#include "core/log.h"
#include "http/codec.h"
#include "http/json_writer.h"

namespace millrace::http {

/// A record as an object: topic, partition, offset, timestamp, key, value, headers. What is not UTF-8 comes as base64,
/// with `"encoding":"base64"` for the value or a header and `"key_encoding":"base64"` for the key.
void WriteMessage(JsonWriter& json, const core::LogRecord& record);

/// A record out of `{"key"?,"value"|"value_base64","headers"?,"partition"?}`, its topic unset. A value that is not a
/// string becomes JSON text; null makes a record without value. Other members are refused by name.
Decoded<core::LogRecord> DecodeMessage(std::string_view body, std::int32_t partitions);

}  // namespace millrace::http
