#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "core/document.h"

namespace millrace::core {

/// A status change, as `document-events` carries it (schemas/document-events.json, docs/events.md). `event` is
/// `document.<status>`. It only names what changed; the truth is in the store.
struct DocumentEvent {
  DocumentId document_id = 0;
  Version version = 0;
  Revision revision = 0;
  DocumentStatus status = DocumentStatus::kQueued;
  std::int64_t chunks = 0;
  Timestamp at;
  std::optional<DocumentError> error;
  Position position;                              // where it lies in the log; not part of the JSON
  StepTimes steps = {};                           // of `indexed`: when each step was done
  std::optional<Timestamp> next_attempt_at = {};  // of `retrying`
};

std::string FormatEvent(const DocumentEvent& event);
base::Result<DocumentEvent> ParseEvent(std::string_view json);

/// `doc_<id>`: the key of a document's records on every topic.
std::string DocumentKey(DocumentId id);

}  // namespace millrace::core
