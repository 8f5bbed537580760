#include "contract/mysql_database.h"

#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace millrace::contract {
namespace {

mysql::MysqlOptions OptionsFromEnvironment() {
  const char* const text = std::getenv("MILLRACE_TEST_MYSQL");
  if (text == nullptr) {
    throw std::runtime_error("MILLRACE_TEST_MYSQL is missing: host:port:user:password of a user that may create databases");
  }
  std::array<std::string, 4> parts;
  std::istringstream in(text);
  for (std::string& part : parts) std::getline(in, part, &part == &parts.back() ? '\n' : ':');
  mysql::MysqlOptions options;
  options.host = parts[0];
  options.port = static_cast<std::uint16_t>(std::stoi(parts[1]));
  options.user = parts[2];
  options.password = parts[3];
  return options;
}

void Run(const mysql::MysqlOptions& options, const std::string& script) {
  try {
    mysql::Connection::Open(options, mysql::Connection::Purpose::kMigration)->Execute(script);
  } catch (const mysql::Failure& failure) {
    throw std::runtime_error(failure.error().message);
  }
}

}  // namespace

MysqlTestDatabase::MysqlTestDatabase() : options_(OptionsFromEnvironment()) {
  static std::atomic<int> count = 0;
  const std::string name = fmt::format("millrace_test_{}_{}", getpid(), ++count);
  Run(options_, fmt::format("DROP DATABASE IF EXISTS {0}; CREATE DATABASE {0}", name));
  options_.database = name;
}

MysqlTestDatabase::~MysqlTestDatabase() {
  try {
    Run(options_, "DROP DATABASE " + options_.database);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{} stays behind: {}\n", options_.database, error.what());
  }
}

std::unique_ptr<mysql::Connection> MysqlTestDatabase::Connect() const {
  return mysql::Connection::Open(options_, mysql::Connection::Purpose::kCalls);
}

void MysqlTestDatabase::Empty() {
  Run(options_,
      "DELETE FROM embeddings; DELETE FROM documents; DELETE FROM document_versions; DELETE FROM document_state;"
      "DELETE FROM document_contents; DELETE FROM retired_versions; DELETE FROM outbox;"
      "DELETE FROM millrace_meta WHERE name NOT IN ('store_id', 'epoch');"
      "ALTER TABLE documents AUTO_INCREMENT = 1; ALTER TABLE embeddings AUTO_INCREMENT = 1");
}

}  // namespace millrace::contract
