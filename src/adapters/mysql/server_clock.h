#pragma once

/// SQL for the database's time, in milliseconds since 1970 (sessions are in UTC): one clock for all processes, whose
/// own may be off or jump. The same throughout a statement.
#define MILLRACE_SERVER_NOW "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"
