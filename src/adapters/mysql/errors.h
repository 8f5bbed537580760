#pragma once

#include <string_view>

#include "adapters/mysql/connection.h"

namespace millrace::mysql {

/// What an error number of the server or of its client library means to our callers. `server` is host:port.
Failure MakeFailure(unsigned number, std::string_view text, std::string_view server);

/// The same for a login.
Failure MakeLoginFailure(unsigned number, std::string_view text, std::string_view server, const MysqlOptions& options);

}  // namespace millrace::mysql
