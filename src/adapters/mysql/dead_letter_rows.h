#pragma once

#include <span>
#include <vector>

#include "adapters/mysql/document_rows.h"
#include "core/dead_letters.h"
#include "core/effect_store.h"

/// Rows of `dead_letters`, as effects and the outbox write them. Inside one transaction, which locks the states of the
/// documents concerned before.
namespace millrace::mysql {

/// What becomes of one that rests on the list already: its record was read twice, and no copy is sent again.
enum class WhenListed { kUpdate, kLeave };

/// Puts them on the list; `writer` owes the dead-letter topic their copies.
void ListDeadLetters(Connection& connection, std::vector<const core::DeadLetterDraft*> drafts, WhenListed when_listed,
                     core::Timestamp now, DocumentWriter& writer);

/// Notes the version that a redriven record became.
void NoteVersion(Connection& connection, core::DeadLetterId id, const DocumentVersion& version);

/// Those of each document's versions 1 … the one given.
void RemoveDeadLetters(Connection& connection, std::span<const DocumentVersion> up_to);

/// How many there were. In the order of their ids, so that none waits for another in a circle.
std::int64_t RemoveDeadLetters(Connection& connection, std::vector<core::DeadLetterId> ids);

void StoreCopyPosition(Connection& connection, core::DeadLetterId id, const core::Position& position);

}  // namespace millrace::mysql
