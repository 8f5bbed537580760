#include "ingest/dead_letter_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "core/document_event.h"
#include "ingest/failure_class.h"
#include "ingest/failure_headers.h"
#include "ingest/upload_message.h"

namespace millrace::ingest {

using base::Code;
using base::Deadline;
using base::Error;

namespace {

constexpr std::size_t kPurgedAtOnce = 500;

}  // namespace

base::Result<core::DeadLetter> DeadLetterService::Get(core::DeadLetterId id) {
  core::DeadLetterQuery query;
  query.ids = {id};
  query.limit = 1;
  ASSIGN_OR_RETURN(auto found, letters_.List(query));
  if (found.empty()) return Error{Code::kNotFound, fmt::format("there is no dead letter {}", id), {}};
  return std::move(found.front());
}

base::Status DeadLetterService::CheckEdited(const core::DeadLetter& letter, const core::LogRecord& record) const {
  const auto upload = DecodeUpload(record, store_);
  if (!upload) return Error{Code::kInvalidArgument, upload.error().message, "/value" + upload.error().field};
  if (letter.document_id != 0 && upload->work.id != letter.document_id) {
    return Error{Code::kInvalidArgument, fmt::format("document_id must stay {}", letter.document_id),
                 "/value/document_id"};
  }
  return {};
}

base::Status DeadLetterService::Send(const core::DeadLetter& letter, std::optional<std::string> edited,
                                     Deadline deadline) {
  const bool is_edited = edited.has_value();
  if (IsWebhook(letter)) {
    if (is_edited) return Error{Code::kInvalidArgument, "an event is sent again as it is", "/value"};
    if (!sends_webhooks_) {
      return Error{Code::kConflict, "it is an event for a webhook, and this server has no --webhook-url", {}};
    }
  }
  ASSIGN_OR_RETURN(auto payload, letters_.Payload(letter.id));
  core::LogRecord record = RedrivenRecord(letter, std::move(payload), std::move(edited), store_);
  if (is_edited) {
    RETURN_IF_ERROR(CheckEdited(letter, record));
    // A message of its own now, which must be worked on in the order of its document.
    record.key = core::DocumentKey(DecodeUpload(record, store_)->work.id);
  }
  RETURN_IF_ERROR(letters_.Redrive(letter.id, record, deadline));
  on_redrive_();
  return {};
}

base::Status DeadLetterService::Redrive(core::DeadLetterId id, std::optional<std::string> edited, Deadline deadline) {
  ASSIGN_OR_RETURN(const core::DeadLetter letter, Get(id));
  return Send(letter, std::move(edited), deadline);
}

base::Result<std::vector<Redriven>> DeadLetterService::RedriveAll(const core::DeadLetterQuery& query, bool dry_run,
                                                                  Deadline deadline) {
  ASSIGN_OR_RETURN(auto letters, letters_.List(query));
  std::reverse(letters.begin(), letters.end());
  std::vector<Redriven> results;
  for (core::DeadLetter& letter : letters) {
    Redriven& result = results.emplace_back(Redriven{std::move(letter), std::nullopt});
    if (dry_run) {
      if (result.letter.redriven_at) result.refusal = Error{Code::kConflict, "it is under way again already", {}};
      continue;
    }
    const base::Status sent = Send(result.letter, std::nullopt, deadline);
    if (sent) continue;
    if (Classify(sent.error().code, {}) == FailureClass::kOutage) return sent.error();
    result.refusal = sent.error();
  }
  return results;
}

base::Result<std::int64_t> DeadLetterService::Purge(core::DeadLetterQuery query, bool dry_run, Deadline deadline) {
  query.before.reset();
  if (dry_run) return letters_.Count(query);
  query.limit = kPurgedAtOnce;
  std::int64_t purged = 0;
  while (true) {
    ASSIGN_OR_RETURN(const auto letters, letters_.List(query));
    if (letters.empty()) return purged;
    std::vector<core::DeadLetterId> ids;
    for (const core::DeadLetter& letter : letters) ids.push_back(letter.id);
    ASSIGN_OR_RETURN(const std::int64_t gone, letters_.Purge(ids, deadline));
    purged += gone;
    query.before = ids.back();  // newest first: what came meanwhile is not part of this
  }
}

}  // namespace millrace::ingest
