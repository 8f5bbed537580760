#pragma once

#include <memory>
#include <string>

#include "adapters/mysql/connection.h"
#include "adapters/mysql/mysql_store.h"

namespace millrace::contract {

/// A database of its own on the server that MILLRACE_TEST_MYSQL names (host:port:user:password; the user may create
/// databases), dropped with the object. Its constructor throws what is wrong in plain words.
class MysqlTestDatabase {
 public:
  MysqlTestDatabase();
  ~MysqlTestDatabase();
  MysqlTestDatabase(const MysqlTestDatabase&) = delete;
  MysqlTestDatabase& operator=(const MysqlTestDatabase&) = delete;

  const mysql::MysqlOptions& options() const { return options_; }

  /// Another program's connection to it.
  std::unique_ptr<mysql::Connection> Connect() const;

  /// As if it had just been made, but for its identity: much faster than making one.
  void Empty();

 private:
  mysql::MysqlOptions options_;
};

}  // namespace millrace::contract
