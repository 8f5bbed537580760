#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/dead_letters.h"
#include "core/store_admin.h"

namespace millrace::ingest {

/// What came of redriving one dead letter.
struct Redriven {
  core::DeadLetter letter;
  std::optional<base::Error> refusal;  // none: it is under way, or would be
};

/// Looks at dead letters, sends them again, takes them off the list. Thread-safe.
class DeadLetterService {
 public:
  /// `on_redrive` is called after each transaction that wrote to the outbox. Without `sends_webhooks` nobody would take
  /// an event that is sent again: kConflict.
  DeadLetterService(core::DeadLetters& letters, core::StoreIdentity store, std::function<void()> on_redrive,
                    bool sends_webhooks = false)
      : letters_(letters),
        store_(std::move(store)),
        on_redrive_(std::move(on_redrive)),
        sends_webhooks_(sends_webhooks) {}

  base::Result<std::vector<core::DeadLetter>> List(const core::DeadLetterQuery& query) { return letters_.List(query); }
  base::Result<std::int64_t> Count(const core::DeadLetterQuery& query) { return letters_.Count(query); }
  base::Result<std::vector<core::DeadLetterReason>> Reasons() { return letters_.Reasons(); }

  base::Result<core::DeadLetter> Get(core::DeadLetterId id);  // kNotFound
  base::Result<core::RecordPayload> Payload(core::DeadLetterId id) { return letters_.Payload(id); }

  /// Sends it again. With `edited` as its value it becomes a new version of its document: kInvalidArgument when that is
  /// no upload, or of another document, or the dead letter is an event for a webhook. Else the errors of
  /// core::DeadLetters::Redrive.
  base::Status Redrive(core::DeadLetterId id, std::optional<std::string> edited, base::Deadline deadline);

  /// Those that `query` names, oldest first, each for itself. A dry run writes nothing and says what the list alone
  /// tells: those under way are refused. An error ends it: only an outage is one.
  base::Result<std::vector<Redriven>> RedriveAll(const core::DeadLetterQuery& query, bool dry_run,
                                                 base::Deadline deadline);

  /// Those that `query` names; how many there were or, in a dry run, are.
  base::Result<std::int64_t> Purge(core::DeadLetterQuery query, bool dry_run, base::Deadline deadline);

 private:
  base::Status CheckEdited(const core::DeadLetter& letter, const core::LogRecord& record) const;
  base::Status Send(const core::DeadLetter& letter, std::optional<std::string> edited, base::Deadline deadline);

  core::DeadLetters& letters_;
  const core::StoreIdentity store_;
  const std::function<void()> on_redrive_;
  const bool sends_webhooks_;
};

}  // namespace millrace::ingest
