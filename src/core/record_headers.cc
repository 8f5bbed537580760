#include "core/record_headers.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

static_assert(std::endian::native == std::endian::little, "lengths are stored little-endian");

namespace millrace::core {
namespace {

void AppendSized(std::string& out, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out += bytes;
}

std::optional<std::string> TakeSized(std::string_view& in) {
  std::uint32_t size = 0;
  if (in.size() < sizeof(size)) return std::nullopt;
  std::memcpy(&size, in.data(), sizeof(size));
  if (in.size() - sizeof(size) < size) return std::nullopt;
  std::string bytes(in.substr(sizeof(size), size));
  in.remove_prefix(sizeof(size) + size);
  return bytes;
}

}  // namespace

bool IsOwnHeader(std::string_view name) { return name.starts_with("millrace-"); }

std::string EncodeHeaders(const std::vector<RecordHeader>& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    AppendSized(out, name);
    AppendSized(out, value);
  }
  return out;
}

base::Result<std::vector<RecordHeader>> DecodeHeaders(std::string_view bytes) {
  std::vector<RecordHeader> headers;
  while (!bytes.empty()) {
    std::optional<std::string> name = TakeSized(bytes);
    std::optional<std::string> value = name ? TakeSized(bytes) : std::nullopt;
    if (!value) return base::Error{base::Code::kCorrupt, "the headers of a record are damaged", {}};
    headers.push_back({std::move(*name), std::move(*value)});
  }
  return headers;
}

}  // namespace millrace::core
