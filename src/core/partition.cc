#include <cassert>

#include "core/log.h"

namespace millrace::core {
namespace {

constexpr std::uint32_t kMultiplier = 0x5BD1E995;
constexpr std::uint32_t kSeed = 0x9747B28C;  // the one of Kafka's Utils.murmur2

std::uint32_t ByteAt(std::string_view bytes, std::size_t pos) { return static_cast<unsigned char>(bytes[pos]); }

}  // namespace

std::uint32_t Murmur2(std::string_view bytes) {
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(bytes.size());
  std::size_t pos = 0;
  for (; bytes.size() - pos >= 4; pos += 4) {
    std::uint32_t word =
        ByteAt(bytes, pos) | ByteAt(bytes, pos + 1) << 8 | ByteAt(bytes, pos + 2) << 16 | ByteAt(bytes, pos + 3) << 24;
    word *= kMultiplier;
    word ^= word >> 24;
    word *= kMultiplier;
    hash = (hash * kMultiplier) ^ word;
  }
  if (pos < bytes.size()) {
    for (std::size_t i = pos; i < bytes.size(); ++i) hash ^= ByteAt(bytes, i) << (8 * (i - pos));
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

std::int32_t PartitionForKey(std::string_view key, std::int32_t partitions) {
  assert(partitions > 0);
  return static_cast<std::int32_t>(Murmur2(key) & 0x7FFFFFFF) % partitions;
}

}  // namespace millrace::core
