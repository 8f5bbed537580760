#pragma once

#include "adapters/sqlite/connection.h"
#include "core/dead_letters.h"
#include "core/effect_store.h"

/// Rows of `dead_letters`, as effects and the outbox write them. Inside the writer's transaction.
namespace millrace::sqlite {

/// Puts `draft` on the list and owes the dead-letter topic its copy.
void ListDeadLetter(Connection& connection, const core::DeadLetterDraft& draft, core::WhenListed when_listed,
                    core::Timestamp now);

/// What Begin decided on a redriven record, for its dead letter: the version that it became, or that it is done with.
void FollowRedriven(Connection& connection, const core::Work& work, const core::WorkOrder& order);

/// Those of the document's versions 1 … `up_to`.
void RemoveDeadLetters(Connection& connection, core::DocumentId id, core::Version up_to);

}  // namespace millrace::sqlite
