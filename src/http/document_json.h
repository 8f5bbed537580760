#pragma once

#include "core/chunk.h"
#include "core/document.h"
#include "core/document_store.h"
#include "http/json_writer.h"

namespace millrace::http {

/// The members of a document as /v1 shows it; the object is the caller's, so that it can add some.
void WriteDocumentMembers(JsonWriter& json, const core::DocumentRecord& record, bool searchable);

void WriteVersion(JsonWriter& json, const core::KeptVersion& version, bool newest);

/// A chunk's object, the same in a list and in a search hit.
void WriteChunk(JsonWriter& json, const core::StoredChunk& chunk);

std::string_view ResultName(core::AcceptKind kind);  // `created` …

}  // namespace millrace::http
