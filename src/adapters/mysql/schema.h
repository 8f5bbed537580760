#pragma once

#include <functional>
#include <string_view>

#include "adapters/mysql/connection.h"
#include "base/result.h"

namespace millrace::mysql {

/// Hears of each change before it is made. A test throws here, as if the process died between two changes.
using SchemaListener = std::function<void(std::string_view sql)>;

/// Runs the numbered migrations that the database has not seen, one process at a time. Each change is made only where
/// information_schema says that it is missing, because the server commits each by itself: a start that was cut off is
/// continued by the next. Takes over the tables of CONTRACT §3 in place, whatever widths and character sets they have.
/// kInvalidArgument: the tables are of another program, or of a newer Millrace. REQUIRES: a connection of kMigration.
base::Status Migrate(Connection& connection, const SchemaListener& listener = nullptr);

}  // namespace millrace::mysql
