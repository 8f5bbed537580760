#include "core/schema_registry.h"

#include <fmt/core.h>

namespace millrace::core {
namespace {

constexpr char kIdFollows = 0, kGuidFollows = 1;
constexpr std::size_t kFrameBytes = 5;
constexpr std::size_t kGuidBytes = 17;

/// REQUIRES: at least kFrameBytes.
std::int32_t DecodeSchemaId(std::string_view bytes) {
  std::uint32_t id = 0;
  for (const char byte : bytes.substr(1, 4)) id = id << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int32_t>(id);
}

std::string DecodeGuid(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 1; i < kGuidBytes; ++i) {
    if (i == 5 || i == 7 || i == 9 || i == 11) text += '-';
    text += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
  }
  return text;
}

bool IsFramed(std::string_view value) { return value.size() >= kFrameBytes && value.front() == kIdFollows; }

}  // namespace

std::string NameOf(const SchemaReference& schema) {
  return schema.guid.empty() ? std::to_string(schema.id) : schema.guid;
}

std::string EncodeSchemaId(std::int32_t id) {
  std::string bytes(1, kIdFollows);
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(static_cast<std::uint32_t>(id) >> shift & 0xFF);
  return bytes;
}

base::Result<std::optional<SchemaReference>> SchemaOf(const LogRecord& record) {
  using Schema = std::optional<SchemaReference>;
  for (const RecordHeader& header : record.headers) {
    if (header.name != kSchemaHeader) continue;
    const std::string_view bytes = header.value;
    if (bytes.size() == kFrameBytes && bytes.front() == kIdFollows) return Schema({DecodeSchemaId(bytes), {}});
    if (bytes.size() == kGuidBytes && bytes.front() == kGuidFollows) return Schema({0, DecodeGuid(bytes)});
    return base::Error{
        base::Code::kInvalidArgument,
        fmt::format("header {} must be a zero byte and an id of 4 bytes, or a one and a GUID of 16, not {} bytes",
                    kSchemaHeader, bytes.size()),
        {}};
  }
  if (record.value && IsFramed(*record.value)) return Schema({DecodeSchemaId(*record.value), {}});
  return Schema();
}

std::string_view Payload(std::string_view value) { return IsFramed(value) ? value.substr(kFrameBytes) : value; }

}  // namespace millrace::core
