#include "adapters/mysql/errors.h"

#include <errmsg.h>
#include <fmt/core.h>
#include <mysqld_error.h>

namespace millrace::mysql {
namespace {

// Of MySQL 8, which the header of MariaDB's client does not name.
constexpr unsigned kClientInteractionTimeout = 4031;
constexpr unsigned kMysqlExecutionTimeExceeded = 3024;
constexpr unsigned kMysqlDiskFullNow = 3675;
constexpr unsigned kMysqlLockNowait = 3572;
constexpr unsigned kMariadbConnectionKilled = 1927;
constexpr unsigned kMariadbStatementTimeout = 1969;

Failure Final(base::Code code, std::string message) { return Failure({code, std::move(message), {}}); }

}  // namespace

Failure MakeFailure(unsigned number, std::string_view text, std::string_view server) {
  using Kind = Failure::Kind;
  switch (number) {
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_COMMANDS_OUT_OF_SYNC:
    case ER_SERVER_SHUTDOWN:
    case ER_NEW_ABORTING_CONNECTION:
    case ER_NET_PACKETS_OUT_OF_ORDER:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case kClientInteractionTimeout:
    case kMariadbConnectionKilled:
      return Failure(
          {base::Code::kUnavailable, fmt::format("the connection to MySQL at {} was lost: {}", server, text), {}},
          Kind::kLost);
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case ER_CHECKREAD:
    case kMysqlLockNowait:
      return Failure({base::Code::kUnavailable, fmt::format("MySQL at {}: {}", server, text), {}}, Kind::kConflict);
    case ER_DUP_ENTRY:
    case ER_NO_REFERENCED_ROW_2:
      return Failure({base::Code::kConflict, fmt::format("MySQL at {}: {}", server, text), {}}, Kind::kConflict);
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
    case ER_ERROR_ON_WRITE:
    case ER_GET_ERRNO:
    case kMysqlDiskFullNow:
      return Final(base::Code::kUnavailable,
                   fmt::format("MySQL at {} cannot write, its disk may be full: {} ({})", server, text, number));
    case ER_NET_PACKET_TOO_LARGE:
      return Final(base::Code::kTooLarge, fmt::format("MySQL at {} takes no statement this large: {}", server, text));
    case ER_DATA_TOO_LONG: return Final(base::Code::kTooLarge, fmt::format("MySQL at {}: {}", server, text));
    case kMysqlExecutionTimeExceeded:
    case kMariadbStatementTimeout:
      return Final(base::Code::kDeadlineExceeded, fmt::format("MySQL at {} took too long: {}", server, text));
    case ER_OUT_OF_RESOURCES:
    case ER_OUTOFMEMORY:
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_MAX_PREPARED_STMT_COUNT_REACHED:
    case ER_QUERY_INTERRUPTED:
    case ER_OPTION_PREVENTS_STATEMENT:  // read-only: a replica, or one that was promoted a moment ago
    case ER_READ_ONLY_MODE:
    case ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_NO_SUCH_TABLE:
      return Final(base::Code::kUnavailable, fmt::format("MySQL at {}: {} ({})", server, text, number));
    default: return Final(base::Code::kInternal, fmt::format("MySQL at {} said: {} ({})", server, text, number));
  }
}

Failure MakeLoginFailure(unsigned number, std::string_view text, std::string_view server, const MysqlOptions& options) {
  const auto unavailable = [](std::string message) { return Final(base::Code::kUnavailable, std::move(message)); };
  switch (number) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
      return Failure({base::Code::kUnavailable,
                      fmt::format("MySQL at {} refuses the user {}: wrong name or password", server, options.user),
                      {}},
                     Failure::Kind::kRefused);
    case ER_DBACCESS_DENIED_ERROR:
    case ER_BAD_DB_ERROR:
      return unavailable(fmt::format("MySQL at {} has no database {} that the user {} may use", server,
                                     options.database, options.user));
    case CR_SSL_CONNECTION_ERROR: return unavailable(fmt::format("MySQL at {}: no TLS connection: {}", server, text));
    default: return unavailable(fmt::format("MySQL at {} cannot be reached: {} ({})", server, text, number));
  }
}

}  // namespace millrace::mysql
