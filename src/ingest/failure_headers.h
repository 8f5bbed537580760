#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/dead_letters.h"
#include "core/effect_store.h"
#include "core/log.h"
#include "core/store_admin.h"

namespace millrace::ingest {

/// What our headers say of a record (DELIVERY §3). They count only beside this store's own `millrace-store`: a record
/// without it is foreign, whatever it claims. One of an earlier epoch was ours before a backup was restored: its
/// version may name another text by now, but where it lay first and when still say what it is older than.
struct FailureTrace {
  bool ours = false;                   // the record went through this store
  bool of_earlier_epoch = false;       // it did, in an earlier epoch
  core::Version version = 0;           // what it became; 0: nothing
  core::Position original;             // where it lay first; of a record that never failed, where it lies
  core::Timestamp original_timestamp;  // when it was first written
  int attempt = 0;                     // runs that failed so far
  std::optional<core::Timestamp> first_failure;
  std::optional<core::Timestamp> not_before;  // of a record on a retry topic
  core::DeadLetterId dead_letter = 0;         // of a redriven record
};

FailureTrace ReadTrace(const core::LogRecord& record, const core::StoreIdentity& store);

/// Names of ours: all that begin with `millrace-`. A copy never carries two of one name, and none of anybody else.
bool IsOurHeader(std::string_view name);

/// The headers of a record of our own that has not failed yet.
std::vector<core::RecordHeader> OwnHeaders(core::Version version, const core::StoreIdentity& store);

/// Why a run failed, for the copy's headers.
struct FailureNote {
  core::DocumentError error;
  std::string_view failure_class;
  core::Timestamp failed_at;
  std::optional<core::Timestamp> not_before;  // none: for the dead letters
};

/// `record` as it was read, its key, value and the producer's own headers byte for byte, on its way to `topic`. `trace`
/// is that of the run that failed, this attempt counted; the note replaces that of an earlier failure.
core::LogRecord CopyOfFailed(const core::LogRecord& record, const FailureTrace& trace, const FailureNote& note,
                             const core::StoreIdentity& store, std::string topic);

/// Of a webhook: an event that could not be delivered, not an upload.
bool IsWebhook(const core::DeadLetter& letter);

/// The record that sends a dead letter again, to `document-uploads` or, of a webhook, to `millrace-webhook-retries`:
/// its attempts begin anew. `edited`: instead of its
/// value; it then is news, not the version that failed.
core::LogRecord RedrivenRecord(const core::DeadLetter& letter, core::RecordPayload payload,
                               std::optional<std::string> edited, const core::StoreIdentity& store);

/// The record that sends one of the log again to `document-uploads`; `work` is what it was decoded to.
core::LogRecord ReplayedRecord(core::LogRecord record, const core::Work& work, const core::StoreIdentity& store);

}  // namespace millrace::ingest
