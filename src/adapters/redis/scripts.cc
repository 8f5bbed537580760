#include "adapters/redis/scripts.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>
#include <utility>

namespace millrace::redis {
namespace {

constexpr char kMarker[] = R"lua(
local function read(key)
  local text = redis.call('GET', key)
  if not text then return nil end
  local store, version, revision, state, written, high = string.match(text, '^(%S+) (%d+) (%d+) (%a) (%d+) (%d+)$')
  if not store then return nil end
  return {store = store, version = tonumber(version), revision = tonumber(revision), state = state,
          written = tonumber(written), high = tonumber(high)}
end
local function describe(store, version, revision, state, written, high)
  return string.format('%s %.0f %.0f %s %d %d', store, version, revision, state, written, high)
end
-- Below which index keys may exist, of a document that another program wrote: gaps of up to 16 are looked over.
local function probe(prefix, from)
  local high, n = from, from
  while n - high < 16 do
    if redis.call('EXISTS', prefix .. n) == 1 then high = n + 1 end
    n = n + 1
  end
  return high
end
local function remove(prefix, from, to)
  local removed = 0
  for n = from, to - 1 do removed = removed + redis.call('UNLINK', prefix .. n) end
  return removed
end
)lua";

constexpr char kPut[] = R"lua(
local prefix, store = ARGV[1], ARGV[2]
local version, revision, chunks, first = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local seen, written, high = read(KEYS[1]), 0, nil
if seen then
  high = seen.high
  if seen.store == store then
    if seen.version > version or (seen.state == 'd' and seen.version == version) then return 0 end
    if seen.version == version then
      if seen.revision > revision then return 0 end
      -- The same again: two writers of one document may take turns, and a complete one is written afresh.
      if seen.revision == revision and not (seen.state == 'c' and first == 0) then written = seen.written end
    end
  end
end
if first > written then return 3 end
high = math.max(chunks, high or probe(prefix, chunks))
local count = #ARGV - 6
-- Marked before the first key changes: who dies here leaves a document that counts as absent.
redis.call('SET', KEYS[1], describe(store, version, revision, 'w', written, high))
for i = 1, count do redis.call('SET', prefix .. (first + i - 1), ARGV[6 + i]) end
written = math.max(written, first + count)
local state = 'w'
if written >= chunks then
  local left = math.max(chunks, high - LIMIT)
  remove(prefix, left, high)
  high = left
  if high == chunks then state = 'c' end
end
redis.call('SET', KEYS[1], describe(store, version, revision, state, written, high))
return state == 'c' and 1 or 2
)lua";

constexpr char kRemove[] = R"lua(
local prefix, store, version = ARGV[1], ARGV[2], tonumber(ARGV[3])
local seen, high = read(KEYS[1]), nil
if seen then
  high = seen.high
  if seen.store == store and seen.version > version then
    if seen.state ~= 'd' then return {0, 0} end
    version = seen.version
  end
end
if not high or high == 0 then high = probe(prefix, 0) end
local left = math.max(0, high - LIMIT)
local removed = remove(prefix, left, high)
redis.call('SET', KEYS[1], describe(store, version, 0, 'd', 0, left), 'EX', ARGV[4])
return {removed, left > 0 and 1 or 0}
)lua";

constexpr char kCount[] = R"lua(
local prefix, seen, count = ARGV[1], read(KEYS[1]), 0
for n = 0, probe(prefix, seen and seen.high or 0) - 1 do count = count + redis.call('EXISTS', prefix .. n) end
return count
)lua";

constexpr char kVersions[] = R"lua(
local answer = {}
for i, key in ipairs(KEYS) do
  local seen, prefix = read(key), ARGV[i + 1]
  local here = seen and seen.store == ARGV[1] and seen.state == 'c'
  -- Keys that a full server evicted, or someone removed: the first and the last stand for all.
  if here and seen.written > 0 then
    here = redis.call('EXISTS', prefix .. 0) == 1 and redis.call('EXISTS', prefix .. (seen.written - 1)) == 1
  end
  answer[2 * i - 1] = here and seen.version or 0
  answer[2 * i] = here and seen.revision or 0
end
return answer
)lua";

std::string Sha1(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string Compose(const char* body) { return fmt::format("local LIMIT = {}\n", kKeysAtOnce) + kMarker + body; }

}  // namespace

Script::Script(std::string text_in) : text(std::move(text_in)), sha(Sha1(text)) {}

const Script& PutScript() {
  static const Script script(Compose(kPut));
  return script;
}

const Script& RemoveScript() {
  static const Script script(Compose(kRemove));
  return script;
}

const Script& CountScript() {
  static const Script script(Compose(kCount));
  return script;
}

const Script& VersionsScript() {
  static const Script script(Compose(kVersions));
  return script;
}

}  // namespace millrace::redis
