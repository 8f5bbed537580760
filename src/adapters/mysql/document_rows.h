#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/mysql/connection.h"
#include "adapters/mysql/rows.h"
#include "adapters/mysql/state_rows.h"
#include "adapters/sql/document_rows.h"
#include "core/document.h"
#include "core/document_event.h"
#include "core/log.h"
#include "core/version_draft.h"

/// The rows of documents, as every write of this adapter reads and changes them: a batch locks its state rows, and
/// writes each table with one statement. All of it runs inside one transaction.
namespace millrace::mysql {

using DocumentVersion = std::pair<core::DocumentId, core::Version>;

using core::VersionDraft;
using sql::VersionRow;

std::map<DocumentVersion, VersionRow> FindVersions(Connection& connection, std::span<const DocumentVersion> versions);

/// The newest version of each document.
std::vector<DocumentVersion> NewestOf(const StateRows& states);

/// How many chunks of each version, which is not published, are stored; they lie without gaps from index 0 on. Versions
/// with none are left out.
std::map<DocumentVersion, std::int32_t> CountStaged(Connection& connection, const StateRows& states,
                                                    std::span<const DocumentVersion> versions);

/// `((document_id = 1 AND version = 2) OR …)`, which both servers read as ranges of an index. REQUIRES: not empty
std::string AnyOf(std::span<const DocumentVersion> versions);

/// Contents above this go in a statement of their own, with bound values: quoted ones may take twice their size, and a
/// statement has a limit.
constexpr std::size_t kLargeContentBytes = 1 << 20;

/// The title as `documents` shows it to other programs, in a column of 255 characters.
std::string_view ColumnTitle(std::string_view title);

/// Gathers what a transaction writes of the documents whose states it locked; Flush sends it.
class DocumentWriter {
 public:
  explicit DocumentWriter(Connection& connection);

  /// Makes `draft` the newest version: `queued`, nothing tried yet; with its event, and that of the version before when
  /// it was not indexed.
  void AddVersion(StateRow& state, const VersionDraft& draft, core::Timestamp now);

  /// The row of `documents`, where other programs read the newest version; made where there is none.
  void Rewrite(core::DocumentId id, std::string_view title, std::string_view content);

  /// As StateWriter does.
  void Save(StateRow& state) { states_.Save(state); }

  /// Owes the log an event, or the message of a version, at once or after a delay.
  void AddEvent(const core::DocumentEvent& event);
  void AddUpload(core::DocumentId id, core::Version version, core::Timestamp now, std::chrono::seconds delay = {});

  /// Owes the log a record as it stands, which is a copy of `dead_letter` (0: of none).
  void AddRecord(const core::LogRecord& record, const DocumentVersion& version, core::Timestamp now,
                 core::DeadLetterId dead_letter);

  /// Takes back the messages of versions up to `up_to`, uploads and copies for another try; not those added here.
  void RemoveUploads(core::DocumentId id, core::Version up_to) { needless_[id] = up_to; }

  void Flush();

 private:
  void AddContent(core::DocumentId id, core::Version version, std::string_view content);
  void RemoveNeedless();

  Connection& connection_;
  StateWriter states_;
  RowInsert documents_, versions_, contents_, outbox_, records_;
  std::map<core::DocumentId, core::Version> needless_;
};

/// Whoever holds several outbox rows takes them in the order of their ids, so that none waits for another in a circle.
void RemoveOutboxRows(Connection& connection, std::vector<std::int64_t> ids);

}  // namespace millrace::mysql
