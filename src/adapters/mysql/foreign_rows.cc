#include "adapters/mysql/foreign_rows.h"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/mysql/chunk_rows.h"
#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/documents.h"
#include "base/utf8.h"
#include "core/metadata.h"

namespace millrace::mysql {
namespace {

constexpr std::size_t kVanishedAtOnce = 100;

/// How that program cuts its documents, so that its message of the same text is nothing new (DELIVERY §3).
core::Chunking ForeignChunking() {
  core::Chunking chunking;
  chunking.strategy = core::ChunkStrategy::kSentence;
  return chunking;
}

std::vector<core::ForeignChunk> ReadChunks(Connection& connection, core::DocumentId id, std::string_view lock = "") {
  Statement select(connection, fmt::format("SELECT id, chunk_index, chunk_text, redis_key FROM embeddings "
                                           "WHERE document_id = ? AND version IS NULL ORDER BY id{}",
                                           lock));
  select.Bind(id);
  std::vector<core::ForeignChunk> chunks;
  while (select.Step()) {
    chunks.push_back({select.Int(0), static_cast<std::int32_t>(select.Int(1)), select.Text(2), select.Text(3)});
  }
  return chunks;
}

bool SameChunks(const std::vector<core::ForeignChunk>& a, const std::vector<core::ForeignChunk>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.id == y.id && x.index == y.index && x.text == y.text;
  });
}

/// A row of `documents` as the other program wrote it.
struct ForeignText {
  std::string title, content;
  std::optional<core::Timestamp> created_at;
};

/// Keeps the row until the transaction ends.
std::optional<ForeignText> LockText(Connection& connection, core::DocumentId id) {
  Statement select(connection, R"sql(
      SELECT coalesce(title, ''), coalesce(content, ''), CAST(1000 * UNIX_TIMESTAMP(created_at) AS SIGNED)
      FROM documents WHERE id = ? FOR UPDATE)sql");
  if (!select.Bind(id).Step()) return std::nullopt;
  return ForeignText{select.Text(0), select.Text(1), select.OptionalTime(2)};
}

bool HasRow(Connection& connection, core::DocumentId id) {
  return connection.Int("SELECT id FROM documents WHERE id = ?", id).has_value();
}

VersionDraft DraftOf(const ForeignText& text) {
  return {text.title, text.content, core::FormatMetadata({}), ForeignChunking()};
}

/// Where the chunks lie in the content, as far as they are found there one after the other.
class ChunkRanges {
 public:
  explicit ChunkRanges(std::string_view content) : content_(content) {}

  /// Code points, end exclusive; empty where the text is not in what is left.
  std::pair<std::int64_t, std::int64_t> Next(std::string_view text) {
    const std::size_t found = content_.find(text, byte_);
    if (found == std::string_view::npos) return {code_point_, code_point_};
    const std::int64_t start = code_point_ + base::CountCodePoints(content_.substr(byte_, found - byte_));
    byte_ = found + text.size();
    code_point_ = start + base::CountCodePoints(text);
    return {start, code_point_};
  }

 private:
  std::string_view content_;
  std::size_t byte_ = 0;
  std::int64_t code_point_ = 0;
};

/// The rows keep their ids; their indexes become 0, 1, 2 …, because that program leaves gaps.
void AdoptChunks(Connection& connection, const core::ForeignDocument& document, core::Version version,
                 std::string_view content, const std::vector<float>& vectors) {
  std::vector<std::size_t> order(document.chunks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return document.chunks[a].index < document.chunks[b].index; });
  const std::size_t dimensions = vectors.size() / document.chunks.size();
  const auto bytes = [&](std::size_t chunk) {
    return std::string_view(reinterpret_cast<const char*>(vectors.data() + chunk * dimensions),
                            dimensions * sizeof(float));
  };
  RowInsert update(connection,
                   "INSERT INTO embeddings(id, document_id, chunk_text, version, chunk_index, redis_key, char_start, "
                   "char_end, vector) VALUES",
                   " ON DUPLICATE KEY UPDATE version = VALUES(version), chunk_index = VALUES(chunk_index), redis_key = "
                   "VALUES(redis_key), char_start = VALUES(char_start), char_end = VALUES(char_end), "
                   "vector = VALUES(vector)");
  ChunkRanges ranges(content);
  for (std::size_t index = 0; index < order.size(); ++index) {
    const core::ForeignChunk& chunk = document.chunks[order[index]];
    const auto [start, end] = ranges.Next(chunk.text);
    update.Add(chunk.id, document.id, "", version, index, fmt::format("emb:doc{}:chunk{}", document.id, index), start,
               end, Blob{bytes(order[index])});
  }
  update.Flush();
}

/// That the vectors are as long as those already stored.
base::Status CheckDimensions(Connection& connection, const core::ForeignDocument& document,
                             const std::vector<float>& vectors) {
  const std::size_t dimensions = vectors.size() / document.chunks.size();
  core::Effects first;
  first.id = document.id;
  first.chunks.emplace_back();
  first.vectors.assign(vectors.begin(), vectors.begin() + static_cast<std::ptrdiff_t>(dimensions));
  const core::Effects* const batch[] = {&first};
  return Check(connection, batch);
}

base::Result<bool> AdoptOne(Connection& connection, const core::ForeignDocument& document,
                            const std::vector<float>& vectors, core::Timestamp now) {
  if (!HasRow(connection, document.id)) return false;  // before a state row is made for it
  RETURN_IF_ERROR(CheckDimensions(connection, document, vectors));
  StateRow state = LockOrMakeStates(connection, {document.id}, now).at(document.id);
  if (state.deleted() || state.indexed_version > 0) return false;
  const auto text = LockText(connection, document.id);
  if (!text || !SameChunks(ReadChunks(connection, document.id, " FOR UPDATE"), document.chunks)) return false;

  DocumentWriter writer(connection);
  writer.AddVersion(state, DraftOf(*text), now);
  AdoptChunks(connection, document, state.version, text->content, vectors);
  const DocumentVersion adopted[] = {{state.id, state.version}};
  RetireOlder(connection, adopted, now);
  state.indexed_version = state.version;
  state.revision = 0;
  state.status = core::DocumentStatus::kIndexed;
  state.chunk_count = static_cast<std::int64_t>(document.chunks.size());
  state.steps = {now, now, now, now};
  if (!state.created_at) state.created_at = text->created_at;
  writer.Save(state);
  writer.RemoveUploads(state.id, state.version);
  writer.AddEvent(
      {state.id, state.version, 0, core::DocumentStatus::kIndexed, state.chunk_count, now, {}, {}, state.steps});
  writer.Flush();
  return true;
}

base::Status QueueOne(Connection& connection, core::DocumentId id, core::Timestamp now) {
  const base::Error missing{base::Code::kNotFound, fmt::format("there is no document {}", id), {}};
  if (!HasRow(connection, id)) return missing;
  StateRow state = LockOrMakeStates(connection, {id}, now).at(id);
  if (state.version > 0) return {};  // decided meanwhile
  const auto text = LockText(connection, id);
  if (!text) return missing;
  DocumentWriter writer(connection);
  writer.AddVersion(state, DraftOf(*text), now);
  state.created_at = text->created_at;
  writer.Save(state);
  writer.AddUpload(id, state.version, now);
  writer.Flush();
  return {};
}

std::vector<core::DocumentId> ReadIds(Statement& select) {
  std::vector<core::DocumentId> ids;
  while (select.Step()) ids.push_back(select.Int(0));
  return ids;
}

std::vector<core::DocumentId> FindVanished(Connection& connection) {
  Statement select(connection, R"sql(
      SELECT s.document_id FROM document_state s LEFT JOIN documents d ON d.id = s.document_id
      WHERE d.id IS NULL AND s.status <> 'deleted' ORDER BY s.document_id LIMIT ?)sql");
  select.Bind(kVanishedAtOnce);
  return ReadIds(select);
}

/// Whether every document has a state and every living state its document: by what two indexes hold, so that a look
/// at a store where nothing happened reads no texts, however many there are.
bool StatesMatchDocuments(Connection& connection) {
  return connection
             .Int(R"sql(
      SELECT d.n = s.n AND d.total <=> s.total AND d.mixed = s.mixed
      FROM (SELECT count(*) n, sum(id) total, bit_xor(crc32(id)) mixed FROM documents) d,
           (SELECT count(*) n, sum(document_id) total, bit_xor(crc32(document_id)) mixed
            FROM document_state WHERE status <> 'deleted') s)sql")
             .value_or(0) != 0;
}

/// Where StatesMatchDocuments (`match`), an index leads to the few that are not indexed.
std::string FindUndecided(bool match) {
  constexpr std::string_view kAll =
      "documents d LEFT JOIN document_state s ON s.document_id = d.id WHERE (s.document_id IS NULL OR ";
  constexpr std::string_view kOpen = R"sql(document_state s FORCE INDEX(document_state_by_status)
      STRAIGHT_JOIN documents d ON d.id = s.document_id WHERE (s.status NOT IN ('indexed', 'deleted') AND )sql";
  // Whole seconds are what those columns hold, so a change of this very second may still be coming.
  return fmt::format(R"sql(
      SELECT d.id FROM {} (s.version = 0 OR (s.indexed_version = 0 AND s.status <> 'deleted'
          AND EXISTS (SELECT 1 FROM embeddings e WHERE e.document_id = d.id AND e.version IS NULL)))) AND d.id > ?
        AND coalesce(d.updated_at, d.created_at, FROM_UNIXTIME(1)) < FROM_UNIXTIME(?)
        AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.document_id = d.id AND e.version IS NULL
                          AND e.created_at >= FROM_UNIXTIME(?))
      ORDER BY d.id LIMIT ?)sql",
                     match ? kOpen : kAll);
}

}  // namespace

base::Result<std::vector<core::ForeignDocument>> Takeover::Find(core::Timestamp settled, core::DocumentId after,
                                                                std::size_t limit) {
  const auto second = std::chrono::floor<std::chrono::seconds>(settled).time_since_epoch().count();
  return engine_.Read([&](Connection& connection) -> base::Result<std::vector<core::ForeignDocument>> {
    // Of a walk that goes on more is to come, so the indexes need not be asked each time.
    const bool match = after == 0 && StatesMatchDocuments(connection);
    Statement select(connection, FindUndecided(match));
    select.Bind(after, second, second, limit);
    std::vector<core::ForeignDocument> found;
    while (select.Step()) found.push_back({select.Int(0), ReadChunks(connection, select.Int(0))});
    return found;
  });
}

base::Result<std::vector<core::DocumentId>> Takeover::FindLeft(std::size_t limit) {
  return engine_.ReadOne([&](Connection& connection) -> base::Result<std::vector<core::DocumentId>> {
    Statement select(connection, R"sql(
        SELECT DISTINCT e.document_id FROM embeddings e FORCE INDEX(embeddings_chunk)
        STRAIGHT_JOIN document_state s ON s.document_id = e.document_id
        WHERE e.version IS NULL AND s.indexed_version > 0 ORDER BY e.document_id LIMIT ?)sql");
    select.Bind(limit);
    return ReadIds(select);
  });
}

base::Result<bool> Takeover::Adopt(const core::ForeignDocument& document, const std::vector<float>& vectors) {
  if (document.chunks.empty() || vectors.empty() || vectors.size() % document.chunks.size() != 0) {
    return base::Error{
        base::Code::kInvalidArgument, fmt::format("the vectors do not fit the chunks of document {}", document.id), {}};
  }
  return engine_.Write(engine_.CallDeadline(),
                       [&](Connection& connection) { return AdoptOne(connection, document, vectors, core::Now()); });
}

base::Status Takeover::Queue(core::DocumentId id) {
  return engine_.Write(engine_.CallDeadline(),
                       [&](Connection& connection) { return QueueOne(connection, id, core::Now()); });
}

base::Result<std::int64_t> Takeover::DeleteVanished() {
  std::int64_t deleted = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<core::DocumentId> vanished,
                     engine_.Read([](Connection& connection) -> base::Result<std::vector<core::DocumentId>> {
                       if (StatesMatchDocuments(connection)) return std::vector<core::DocumentId>();
                       return FindVanished(connection);
                     }));
    for (const core::DocumentId id : vanished) {
      ASSIGN_OR_RETURN(const bool gone,
                       engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Result<bool> {
                         StateRows states = LockStates(connection, {id});
                         if (states.empty() || states.at(id).deleted() || HasRow(connection, id)) return false;
                         RemoveDocument(connection, states.at(id), core::Now());
                         return true;
                       }));
      if (gone) ++deleted;
    }
    if (vanished.size() < kVanishedAtOnce) return deleted;
  }
}

}  // namespace millrace::mysql
