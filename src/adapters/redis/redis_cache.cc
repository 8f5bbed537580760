#include "adapters/redis/redis_cache.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "adapters/redis/scripts.h"

namespace millrace::redis {

using base::Code;
using base::Deadline;
using base::Error;
using core::CachedDocument;
using core::DocumentId;

static_assert(std::endian::native == std::endian::little, "the contract's values are little-endian");

namespace {

/// Bytes of vectors on the way at a time: what is in memory twice, and what a slow link must carry within one timeout.
constexpr std::size_t kBytesAtOnce = 1 << 20;
constexpr std::size_t kReadsAtOnce = 256;
constexpr std::size_t kVersionsAtOnce = 500;

/// Three days: a late Put comes from a worker that was cut off, and by then another one has done its work.
constexpr char kRememberDeleted[] = "259200";

std::string Marker(DocumentId id) { return fmt::format("millrace:doc{}", id); }
std::string KeyPrefix(DocumentId id) { return fmt::format("emb:doc{}:chunk", id); }

Command Call(const std::string& marker) { return {"EVALSHA", "", "1", marker}; }

/// A document on its way, part by part.
struct Transfer {
  const CachedDocument* document;
  std::int32_t next = 0;  // chunk to send
  bool done = false;
};

/// What the next part of `transfer` says; without vectors when only surplus keys are left.
Command NextPart(const Transfer& transfer, const std::string& store) {
  const CachedDocument& document = *transfer.document;
  Command call = Call(Marker(document.id));
  for (std::string word :
       {KeyPrefix(document.id), store, std::to_string(document.version), std::to_string(document.revision),
        std::to_string(document.chunks), std::to_string(transfer.next)}) {
    call.push_back(std::move(word));
  }
  if (document.chunks == 0) return call;
  const std::size_t dimensions = document.vectors.size() / static_cast<std::size_t>(document.chunks);
  const std::int32_t end = std::min(document.chunks, transfer.next + kKeysAtOnce);
  for (std::int32_t chunk = transfer.next; chunk < end; ++chunk) {
    const float* vector = document.vectors.data() + static_cast<std::size_t>(chunk) * dimensions;
    call.emplace_back(reinterpret_cast<const char*>(vector), dimensions * sizeof(float));
  }
  return call;
}

std::optional<std::vector<float>> Decode(const std::string& bytes, std::size_t dimensions) {
  if (bytes.size() != dimensions * sizeof(float)) return std::nullopt;
  std::vector<float> vector(dimensions);
  std::memcpy(vector.data(), bytes.data(), bytes.size());
  if (!std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); })) return std::nullopt;
  return vector;
}

}  // namespace

Error RedisCache::Failure(std::string_view reason) const {
  const RedisOptions& options = pool_.options();
  return {Code::kUnavailable, fmt::format("redis at {}:{}: {}", options.host, options.port, reason), {}};
}

base::Result<std::vector<Reply>> RedisCache::Run(std::span<const Command> commands, Deadline deadline) {
  ASSIGN_OR_RETURN(auto replies, pool_.Run(commands, deadline));
  for (const Reply& reply : replies) {
    if (reply.kind == Reply::Kind::kError) return Failure(reply.text);
  }
  return replies;
}

base::Result<std::vector<Reply>> RedisCache::RunScript(const Script& script, std::vector<Command> calls,
                                                       Deadline deadline) {
  for (Command& call : calls) call[1] = script.sha;
  ASSIGN_OR_RETURN(auto replies, pool_.Run(calls, deadline));
  const bool known = std::none_of(replies.begin(), replies.end(), [](const Reply& reply) {
    return reply.kind == Reply::Kind::kError && reply.text.starts_with("NOSCRIPT");
  });
  if (!known) {
    // All of them again: each bears it, and one that was refused may be what the next ones build on.
    calls.insert(calls.begin(), {"SCRIPT", "LOAD", script.text});
    ASSIGN_OR_RETURN(replies, Run(calls, deadline));
    replies.erase(replies.begin());
    return replies;
  }
  for (const Reply& reply : replies) {
    if (reply.kind == Reply::Kind::kError) return Failure(reply.text);
  }
  return replies;
}

base::Status RedisCache::Put(std::span<const CachedDocument> documents, Deadline deadline) {
  std::vector<Transfer> transfers;
  for (const CachedDocument& document : documents) transfers.push_back({&document});
  while (true) {
    std::vector<Command> calls;
    std::vector<std::pair<Transfer*, std::int32_t>> sent;  // and the chunk after the part
    std::size_t bytes = 0;
    for (Transfer& transfer : transfers) {
      const CachedDocument& document = *transfer.document;
      for (Transfer ahead = transfer; !ahead.done && bytes < kBytesAtOnce;) {
        calls.push_back(NextPart(ahead, pool_.options().store));
        for (const std::string& word : calls.back()) bytes += word.size();
        ahead.next = std::min(document.chunks, ahead.next + kKeysAtOnce);
        ahead.done = ahead.next == document.chunks;
        sent.emplace_back(&transfer, ahead.next);
      }
      if (bytes >= kBytesAtOnce) break;
    }
    if (calls.empty()) return {};
    ASSIGN_OR_RETURN(const auto replies, RunScript(PutScript(), std::move(calls), deadline));
    for (std::size_t i = 0; i < replies.size(); ++i) {
      auto& [transfer, next] = sent[i];
      if (replies[i].kind != Reply::Kind::kInteger) return Failure("an unexpected answer to EVALSHA");
      switch (replies[i].integer) {
        case kPartial: transfer->next = next; break;
        case kLost: return Failure(fmt::format("it was emptied while document {} was written", transfer->document->id));
        default: transfer->done = true;
      }
    }
  }
}

base::Result<std::int64_t> RedisCache::Remove(DocumentId id, core::Version deleted_version, Deadline deadline) {
  std::int64_t removed = 0;
  while (true) {
    Command call = Call(Marker(id));
    for (std::string word :
         {KeyPrefix(id), pool_.options().store, std::to_string(deleted_version), std::string(kRememberDeleted)}) {
      call.push_back(std::move(word));
    }
    ASSIGN_OR_RETURN(const auto replies, RunScript(RemoveScript(), {std::move(call)}, deadline));
    const auto& answer = replies.front().list;
    if (answer.size() != 2) return Failure("an unexpected answer to EVALSHA");
    removed += answer[0].integer;
    if (answer[1].integer == 0) return removed;
  }
}

base::Result<std::int64_t> RedisCache::Count(DocumentId id, Deadline deadline) {
  Command call = Call(Marker(id));
  call.push_back(KeyPrefix(id));
  ASSIGN_OR_RETURN(const auto replies, RunScript(CountScript(), {std::move(call)}, deadline));
  if (replies.front().kind != Reply::Kind::kInteger) return Failure("an unexpected answer to EVALSHA");
  return replies.front().integer;
}

base::Result<std::vector<core::CachedVersion>> RedisCache::Versions(std::span<const DocumentId> ids,
                                                                    Deadline deadline) {
  std::vector<Command> calls;
  for (std::size_t first = 0; first < ids.size(); first += kVersionsAtOnce) {
    const auto some = ids.subspan(first, std::min(kVersionsAtOnce, ids.size() - first));
    Command call{"EVALSHA", "", std::to_string(some.size())};
    for (const DocumentId id : some) call.push_back(Marker(id));
    call.push_back(pool_.options().store);
    for (const DocumentId id : some) call.push_back(KeyPrefix(id));
    calls.push_back(std::move(call));
  }
  ASSIGN_OR_RETURN(const auto replies, RunScript(VersionsScript(), std::move(calls), deadline));
  std::vector<core::CachedVersion> versions;
  for (const Reply& reply : replies) {
    for (std::size_t i = 0; i + 1 < reply.list.size(); i += 2) {
      versions.push_back({reply.list[i].integer, reply.list[i + 1].integer});
    }
  }
  if (versions.size() != ids.size()) return Failure("an unexpected answer to EVALSHA");
  return versions;
}

base::Result<std::vector<std::optional<std::vector<float>>>> RedisCache::Read(std::span<const std::string> keys,
                                                                              std::size_t dimensions,
                                                                              Deadline deadline) {
  std::vector<std::optional<std::vector<float>>> vectors;
  vectors.reserve(keys.size());
  while (!keys.empty()) {
    const auto some = keys.first(std::min(kReadsAtOnce, keys.size()));
    Command command{"MGET"};
    command.insert(command.end(), some.begin(), some.end());
    ASSIGN_OR_RETURN(const auto replies, Run({&command, 1}, deadline));
    const auto& values = replies.front().list;
    if (values.size() != some.size()) return Failure("an unexpected answer to MGET");
    for (const Reply& value : values) vectors.push_back(Decode(value.text, dimensions));
    keys = keys.subspan(some.size());
  }
  return vectors;
}

base::Result<core::VectorCache::Page> RedisCache::ScanDocuments(std::uint64_t cursor, Deadline deadline) {
  const Command command{"SCAN", std::to_string(cursor), "MATCH", "emb:doc*:chunk*", "COUNT", "1000"};
  ASSIGN_OR_RETURN(const auto replies, Run({&command, 1}, deadline));
  const auto& answer = replies.front().list;
  Page page;
  if (answer.size() != 2) return Failure("an unexpected answer to SCAN");
  const std::string& next = answer[0].text;
  if (std::from_chars(next.data(), next.data() + next.size(), page.cursor).ec != std::errc())
    return Failure("an unexpected answer to SCAN");
  std::unordered_set<DocumentId> ids;
  for (const Reply& key : answer[1].list) {
    if (const auto id = core::ParseVectorKey(key.text)) ids.insert(*id);
  }
  page.ids.assign(ids.begin(), ids.end());
  return page;
}

base::Status RedisCache::Probe(std::chrono::milliseconds timeout) {
  const Command command{"PING"};
  ASSIGN_OR_RETURN([[maybe_unused]] const auto pong, Run({&command, 1}, Deadline::After(timeout)));
  return {};
}

}  // namespace millrace::redis
