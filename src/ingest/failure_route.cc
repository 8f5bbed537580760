#include "ingest/failure_route.h"

#include <utility>

#include "ingest/failure_headers.h"

namespace millrace::ingest {

FailureRoute::Outcome FailureRoute::Decide(const Upload& upload, core::Version version, const Failed& failed,
                                           core::Timestamp now) const {
  Outcome outcome;
  outcome.failure = {upload.work.id, version, failed.error, std::nullopt, std::nullopt};
  if (!upload.record) return outcome;
  FailureTrace trace = upload.trace;
  trace.version = version;
  FailureNote note{failed.error, FailureClassName(failed.failure_class), now, std::nullopt};
  const auto earlier = static_cast<std::size_t>(trace.attempt++);
  if (failed.failure_class == FailureClass::kTransient && version > 0 && earlier < topics_.size()) {
    outcome.topic = &topics_[earlier];
    note.not_before = now + outcome.topic->delay;
    outcome.failure.retry =
        core::Retry{CopyOfFailed(*upload.record, trace, note, store_, outcome.topic->name), *note.not_before};
    return outcome;
  }
  core::DeadLetterDraft letter;
  letter.id = trace.dead_letter;
  letter.original = trace.original;
  letter.original_timestamp = trace.original_timestamp;
  letter.document_id = upload.work.id;
  letter.version = version;
  letter.attempts = trace.attempt;
  letter.error = failed.error;
  letter.copy = CopyOfFailed(*upload.record, trace, note, store_, core::kDeadLettersTopic);
  outcome.failure.dead_letter = std::move(letter);
  return outcome;
}

}  // namespace millrace::ingest
