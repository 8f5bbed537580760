#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/redis/redis_options.h"
#include "base/deadline.h"
#include "base/result.h"

struct redisContext;

namespace millrace::redis {

using Command = std::vector<std::string>;  // its name, then the arguments; any bytes

struct Reply {
  enum class Kind { kNil, kInteger, kText, kList, kError };
  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text;  // of kText and kError
  std::vector<Reply> list;
};

/// One connection, authenticated and on its database. For one thread at a time; the program must ignore
/// SIGPIPE. Errors name host and port: kUnavailable, kDeadlineExceeded.
class Connection {
 public:
  static base::Result<std::unique_ptr<Connection>> Open(const RedisOptions& options, base::Deadline deadline);

  /// Sends all commands, then reads a reply for each; what the server refuses is a reply of kError. After an error of
  /// the call itself the connection is of no more use.
  base::Result<std::vector<Reply>> Run(std::span<const Command> commands, base::Deadline deadline);

 private:
  struct Close {
    void operator()(redisContext* context) const;
  };
  using Context = std::unique_ptr<redisContext, Close>;

  Connection(Context context, std::string peer);

  base::Status StartTls(const RedisOptions& options, base::Deadline deadline);
  base::Status LogIn(const RedisOptions& options, base::Deadline deadline);
  base::Status Send(base::Deadline deadline);
  base::Result<Reply> Receive(base::Deadline deadline);
  /// Bounds the next system call; an error when no time is left.
  base::Status Bound(base::Deadline deadline);
  base::Error Failure(base::Deadline deadline) const;

  Context context_;
  std::string peer_;  // `redis at HOST:PORT`
};

}  // namespace millrace::redis
