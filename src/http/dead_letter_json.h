#pragma once

#include "core/dead_letters.h"
#include "http/json_writer.h"
#include "ingest/dead_letter_service.h"

namespace millrace::http {

/// The members of a dead letter as it is listed; the object is the caller's.
void WriteDeadLetterMembers(JsonWriter& json, const core::DeadLetter& letter);

/// `message`: where it lay first, with its payload as a message of the log is shown.
void WriteDeadLetterMessage(JsonWriter& json, const core::DeadLetter& letter, const core::RecordPayload& payload);

/// What came of redriving it, as an object.
void WriteRedriven(JsonWriter& json, const ingest::Redriven& redriven, bool dry_run);

}  // namespace millrace::http
