#pragma once

#include <map>
#include <span>
#include <vector>

#include "adapters/mysql/document_rows.h"
#include "core/effect_store.h"

/// Rows of `embeddings`, as effects write them. Inside one transaction that holds the documents' state rows.
namespace millrace::mysql {

/// The shape of each, and that its vectors are as long as those already stored. (Checked before any state row is
/// locked.)
base::Status Check(Connection& connection, std::span<const core::Effects* const> batch);

/// Those of `ids` that have a row in `documents`, which stays until the transaction ends: another program may delete
/// one at any time, and its chunks need it.
std::set<core::DocumentId> LockDocuments(Connection& connection, std::span<const core::DocumentId> ids);

/// Appends to what is staged; chunks that are there already stay as they are. Answers how many each version has now.
base::Result<std::vector<std::int32_t>> AppendChunks(Connection& connection, const StateRows& states,
                                                     std::span<const core::Effects* const> batch);

void RemoveChunks(Connection& connection, std::span<const DocumentVersion> versions);

/// Notes what these versions overtake. The version before stays readable for a while; what was never indexed, never
/// was. REQUIRES: document_state still names the version before.
void RetireOlder(Connection& connection, std::span<const DocumentVersion> versions, core::Timestamp now);

}  // namespace millrace::mysql
