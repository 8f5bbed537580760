#pragma once

#include <string>

#include "adapters/sqlite/connection.h"
#include "core/effect_store.h"

namespace millrace::sqlite {

/// Decides what becomes of one message (DELIVERY §1 and §3), gives a foreign one its version, and marks what is to be
/// processed. Inside the writer's transaction.
core::WorkOrder Fence(Connection& connection, const core::Work& work, const std::string& worker, core::Timestamp now);

}  // namespace millrace::sqlite
