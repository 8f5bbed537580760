#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "adapters/mysql/connection.h"
#include "adapters/mysql/mysql_store.h"

namespace millrace::mysql {

/// The server of MILLRACE_TEST_MYSQL=host:port:user:password, whose user may create databases. Throws when it is not
/// set.
MysqlOptions TestServer();

/// An empty database of its own on that server, dropped with the object.
class TestDatabase {
 public:
  TestDatabase();
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const MysqlOptions& options() const { return options_; }
  std::unique_ptr<Connection> Connect(Connection::Purpose purpose = Connection::Purpose::kCalls) const {
    return Connection::Open(options_, purpose);
  }

  /// As another program on the same database.
  void Execute(std::string_view script);
  std::int64_t Int(std::string_view sql);
  std::string Text(std::string_view sql);

  /// Ends a connection of somebody else, as an administrator or a proxy does.
  void Kill(std::uint64_t connection_id);

 private:
  MysqlOptions options_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace millrace::mysql
