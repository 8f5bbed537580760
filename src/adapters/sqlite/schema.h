#pragma once

#include "adapters/sqlite/connection.h"
#include "base/result.h"

namespace millrace::sqlite {

/// kInvalidArgument when the file belongs to another program or a newer Millrace. Touches nothing.
base::Status CheckOwner(Connection& connection);

/// Runs the numbered migrations that the file has not seen, each in a transaction, and frees what a dead process had
/// claimed: this one has the file to itself.
base::Status Migrate(Connection& connection);

}  // namespace millrace::sqlite
