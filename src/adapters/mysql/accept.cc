#include "adapters/mysql/accept.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "adapters/mysql/document_rows.h"
#include "adapters/mysql/rows.h"
#include "core/metadata.h"
#include "core/outbox.h"

namespace millrace::mysql {
namespace {

using Keys = std::map<std::string, core::DocumentId, std::less<>>;

Keys FindKeys(Connection& connection, const std::vector<std::string_view>& keys) {
  Keys found;
  InPieces(std::span(keys), [&](std::span<const std::string_view> piece) {
    std::string list;
    for (const std::string_view key : piece) list += (list.empty() ? "" : ",") + HexLiteral(key);
    Rows rows(connection, "SELECT doc_key, id FROM documents WHERE doc_key IN (" + list + ")");
    while (rows.Next()) found.emplace(rows.Text(0), rows.Int(1));
  });
  return found;
}

/// Documents of one call with no key twice: those that are here already, and those that are to be made.
class Round {
 public:
  Round(Connection& connection, core::Timestamp now) : connection_(connection), now_(now), writer_(connection) {}

  void Accept(std::span<const core::NewDocument> all, const std::vector<std::size_t>& members,
              std::vector<core::Accepted>& accepted) {
    LockKnown(all, members);
    std::vector<std::size_t> fresh;
    for (const std::size_t i : members) {
      const auto known = all[i].key ? ids_.find(*all[i].key) : ids_.end();
      if (known == ids_.end()) {
        fresh.push_back(i);
      } else {
        accepted[i] = Update(all[i], states_.at(known->second));
      }
    }
    Create(all, std::move(fresh), accepted);
    writer_.Flush();
  }

 private:
  /// Finds the documents of the keys and locks them. What a key stands for may change until they are locked.
  void LockKnown(std::span<const core::NewDocument> all, const std::vector<std::size_t>& members) {
    std::vector<std::string_view> keys;
    for (const std::size_t i : members) {
      if (all[i].key) keys.push_back(*all[i].key);
    }
    if (keys.empty()) return;
    ids_ = FindKeys(connection_, keys);
    if (ids_.empty()) return;
    std::set<core::DocumentId> documents;
    for (const auto& [key, id] : ids_) documents.insert(id);
    states_ = LockOrMakeStates(connection_, documents, now_);
    if (FindKeys(connection_, keys) != ids_) {
      throw Failure({base::Code::kUnavailable, "others change the same keys all the time", {}},
                    Failure::Kind::kConflict);
    }
    newest_ = FindVersions(connection_, NewestOf(states_));
  }

  core::Accepted Update(const core::NewDocument& document, StateRow& state) {
    const auto draft = core::VersionDraft::Of(document);
    const auto newest = newest_.find({state.id, state.version});
    if (newest != newest_.end() && !state.failed() && newest->second.identity_hash == draft.IdentityHash()) {
      return {state.id, state.version, core::AcceptKind::kUnchanged};
    }
    writer_.Rewrite(state.id, document.title, document.content);
    Add(document, state, draft);
    return {state.id, state.version, core::AcceptKind::kUpdated};
  }

  /// Keys in ascending order, so that two calls with the same new ones wait for each other in one direction only.
  void Create(std::span<const core::NewDocument> all, std::vector<std::size_t> fresh,
              std::vector<core::Accepted>& accepted) {
    std::stable_sort(fresh.begin(), fresh.end(), [&](std::size_t a, std::size_t b) {
      return all[a].key && (!all[b].key || *all[a].key < *all[b].key);
    });
    for (std::span<const std::size_t> rest(fresh); !rest.empty();) {
      const std::size_t count = InsertSome(all, rest);
      if (connection_.changes() != static_cast<std::int64_t>(count)) {
        throw Failure({base::Code::kInternal, "the server did not add the documents as asked", {}});
      }
      for (std::size_t i = 0; i < count; ++i) {
        const core::NewDocument& document = all[rest[i]];
        StateRow state;
        state.id = connection_.inserted_id(i);
        state.created_at = now_;
        Add(document, state, core::VersionDraft::Of(document));
        accepted[rest[i]] = {state.id, state.version, core::AcceptKind::kCreated, now_};
      }
      rest = rest.subspan(count);
    }
  }

  /// Adds the first of `wanted` to `documents`, as many as one statement takes, and says how many. Only the ids of one
  /// statement follow each other.
  std::size_t InsertSome(std::span<const core::NewDocument> all, std::span<const std::size_t> wanted) {
    constexpr std::string_view kInsert = "INSERT INTO documents(title, content, doc_key) VALUES";
    const core::NewDocument& first = all[wanted.front()];
    if (first.content.size() > kLargeContentBytes) {
      connection_.Run(std::string(kInsert) + " (?, ?, ?)", ColumnTitle(first.title), first.content, KeyOf(first));
      return 1;
    }
    constexpr std::size_t kBytes = 512 << 10;  // well below what the insert would cut by itself
    RowInsert insert(connection_, kInsert);
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < wanted.size(); ++count) {
      const core::NewDocument& document = all[wanted[count]];
      bytes += document.title.size() + document.content.size();
      if (count > 0 && bytes > kBytes) break;
      insert.Add(ColumnTitle(document.title), document.content, KeyOf(document));
    }
    insert.Flush();
    return count;
  }

  void Add(const core::NewDocument& document, StateRow& state, const VersionDraft& draft) {
    writer_.AddVersion(state, draft, now_);
    writer_.Save(state);
    writer_.AddUpload(state.id, state.version, now_, core::UploadDelay(document));
  }

  static std::optional<Blob> KeyOf(const core::NewDocument& document) {
    if (!document.key) return std::nullopt;
    return Blob{*document.key};
  }

  Connection& connection_;
  const core::Timestamp now_;
  Keys ids_;
  StateRows states_;
  std::map<DocumentVersion, VersionRow> newest_;
  DocumentWriter writer_;
};

/// The n-th document of a key belongs to round n: each is decided on what the one before left.
std::vector<std::vector<std::size_t>> RoundsOf(std::span<const core::NewDocument> documents) {
  std::vector<std::vector<std::size_t>> rounds(1);
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < documents.size(); ++i) {
    const std::size_t round = documents[i].key ? seen[*documents[i].key]++ : 0;
    if (round == rounds.size()) rounds.emplace_back();
    rounds[round].push_back(i);
  }
  return rounds;
}

}  // namespace

std::vector<core::Accepted> AcceptAll(Connection& connection, std::span<const core::NewDocument> documents,
                                      core::Timestamp now) {
  std::vector<core::Accepted> accepted(documents.size());
  for (const auto& members : RoundsOf(documents)) Round(connection, now).Accept(documents, members, accepted);
  return accepted;
}

}  // namespace millrace::mysql
