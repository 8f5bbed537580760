#pragma once

#include "adapters/sqlite/connection.h"
#include "base/result.h"
#include "core/store_admin.h"

namespace millrace::sqlite {

/// kCorrupt when there is none.
base::Result<core::StoreIdentity> ReadIdentity(Connection& connection);

/// As StoreAdmin's. REQUIRES: a transaction that writes.
base::Result<core::StoreIdentity> BeginEpoch(Connection& connection);

}  // namespace millrace::sqlite
