#pragma once

#include <span>
#include <vector>

#include "adapters/mysql/connection.h"
#include "core/document_store.h"

namespace millrace::mysql {

/// Accepts documents inside a transaction: a handful of statements, however many there are. Answers in the order asked.
/// Throws a conflict, so that the transaction runs again, when another one came first with one of the keys.
std::vector<core::Accepted> AcceptAll(Connection& connection, std::span<const core::NewDocument> documents,
                                      core::Timestamp now);

}  // namespace millrace::mysql
