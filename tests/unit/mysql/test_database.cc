#include "unit/mysql/test_database.h"

#include <fmt/core.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace millrace::mysql {

MysqlOptions TestServer() {
  const char* const variable = std::getenv("MILLRACE_TEST_MYSQL");
  MysqlOptions options;
  std::string port;
  std::istringstream in(variable == nullptr ? "" : variable);
  if (!std::getline(in, options.host, ':') || !std::getline(in, port, ':') || !std::getline(in, options.user, ':')) {
    throw std::runtime_error(
        "set MILLRACE_TEST_MYSQL=host:port:user:password to a server where the user may create "
        "databases");
  }
  std::getline(in, options.password);
  options.port = static_cast<std::uint16_t>(std::stoi(port));
  return options;
}

TestDatabase::TestDatabase() : options_(TestServer()) {
  static std::atomic<int> made{0};
  const std::string name = fmt::format("millrace_test_{}_{}", getpid(), made++);
  Connection::Open(options_, Connection::Purpose::kCalls)
      ->Execute("CREATE DATABASE " + name + " CHARACTER SET utf8mb4");
  options_.database = name;
  connection_ = Connect(Connection::Purpose::kMigration);
}

TestDatabase::~TestDatabase() { connection_->TryExecute("DROP DATABASE " + options_.database); }

void TestDatabase::Execute(std::string_view script) { connection_->Execute(script); }

std::int64_t TestDatabase::Int(std::string_view sql) { return connection_->Int(sql).value_or(-1); }

std::string TestDatabase::Text(std::string_view sql) {
  Statement select(*connection_, sql);
  std::string lines;
  while (select.Step()) lines += select.Text(0) + "\n";
  return lines;
}

void TestDatabase::Kill(std::uint64_t connection_id) { connection_->Execute(fmt::format("KILL {}", connection_id)); }

}  // namespace millrace::mysql
