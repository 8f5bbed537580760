#pragma once

#include <span>
#include <vector>

#include "adapters/mysql/document_rows.h"
#include "core/dead_letters.h"
#include "core/effect_store.h"

/// Rows of `dead_letters`, as effects and the outbox write them. Inside one transaction, which locks the states of the
/// documents concerned before.
namespace millrace::mysql {

/// Puts them on the list; `writer` owes the dead-letter topic their copies.
void ListDeadLetters(Connection& connection, std::vector<const core::DeadLetterDraft*> drafts,
                     core::WhenListed when_listed, core::Timestamp now, DocumentWriter& writer);

/// Those of each document's versions 1 … the one given.
void RemoveDeadLetters(Connection& connection, std::span<const DocumentVersion> up_to);

/// How many there were. In the order of their ids, so that none waits for another in a circle.
std::int64_t RemoveDeadLetters(Connection& connection, std::vector<core::DeadLetterId> ids);

}  // namespace millrace::mysql
