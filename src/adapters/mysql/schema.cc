#include "adapters/mysql/schema.h"

#include <fmt/core.h>
#include <sys/random.h>

#include <array>
#include <chrono>
#include <string>

#include "adapters/mysql/contract_tables.h"
#include "adapters/mysql/tables.h"
#include "base/log.h"
#include "core/sha256.h"

namespace millrace::mysql {
namespace {

constexpr std::chrono::seconds kLockSlice{5};

constexpr const char* kCreateMigrations = R"sql(CREATE TABLE IF NOT EXISTS millrace_migrations(
  number INT NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL) ENGINE=InnoDB)sql";

base::Result<std::string> RandomId() {
  char bytes[16];
  if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
    return base::Error{base::Code::kInternal, "the system gives no random bytes", {}};
  }
  std::string id;
  for (const char byte : bytes) id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return id;
}

template <std::size_t N>
void CreateTables(const std::array<const char*, N>& tables, const ExecuteDdl& execute) {
  for (const char* table : tables) execute(table);
}

base::Status CreateStore(Connection& connection, const ExecuteDdl& execute) {
  RETURN_IF_ERROR(WidenContractTables(connection, execute));
  CreateTables(kDocumentTables, execute);
  ASSIGN_OR_RETURN(const std::string id, RandomId());
  connection.Run("INSERT IGNORE INTO millrace_meta(name, value) VALUES ('store_id', ?), ('epoch', '1')", id);
  return {};
}

base::Status CreatePresence(Connection&, const ExecuteDdl& execute) {
  CreateTables(kPresenceTables, execute);
  return {};
}

base::Status CreateStatistics(Connection&, const ExecuteDdl& execute) {
  CreateTables(kStatisticsTables, execute);
  return {};
}

bool HasColumn(Connection& connection, const AddedColumns& added) {
  return connection
      .Int(R"sql(SELECT 1 FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?)sql",
           added.table, added.column)
      .has_value();
}

base::Status CreateDeadLetters(Connection& connection, const ExecuteDdl& execute) {
  CreateTables(kDeadLetterTables, execute);
  for (const AddedColumns& added : kDeadLetterColumns) {
    if (!HasColumn(connection, added)) execute(added.alter);
  }
  return {};
}

base::Status AddReindexedVersion(Connection& connection, const ExecuteDdl& execute) {
  if (!HasColumn(connection, kReindexedColumn)) execute(kReindexedColumn.alter);
  return {};
}

base::Status CreateKeyedRequests(Connection&, const ExecuteDdl& execute) {
  CreateTables(kKeyedRequestTables, execute);
  return {};
}

/// Only ever added to. Each may be run again after it was cut off anywhere.
constexpr std::array kMigrations = {CreateStore,       CreatePresence,      CreateStatistics,
                                    CreateDeadLetters, AddReindexedVersion, CreateKeyedRequests};

bool HasMigrationsTable(Connection& connection) {
  return connection
      .Int(R"sql(SELECT 1 FROM information_schema.tables
                 WHERE table_schema = DATABASE() AND table_name = 'millrace_migrations')sql")
      .has_value();
}

std::size_t AppliedMigrations(Connection& connection) {
  if (!HasMigrationsTable(connection)) return 0;
  return static_cast<std::size_t>(connection.Int("SELECT max(number) FROM millrace_migrations").value_or(0));
}

/// Held by one process on the server for this database.
class MigrationLock {
 public:
  explicit MigrationLock(Connection& connection) : connection_(connection) {
    Statement database(connection, "SELECT DATABASE()");
    database.Step();
    name_ = "millrace_" + core::Sha256Hex(database.View(0)).substr(0, 32);  // 64 characters are the limit
    while (connection.Int("SELECT GET_LOCK(?, ?)", name_, kLockSlice.count()) != 1) {
      base::LogInfo("waiting for another process that brings the database up to date");
    }
  }
  ~MigrationLock() {
    try {
      connection_.Run("DO RELEASE_LOCK(?)", name_);
    } catch (const Failure&) {  // the connection is gone, and the lock with it
    }
  }
  MigrationLock(const MigrationLock&) = delete;
  MigrationLock& operator=(const MigrationLock&) = delete;

 private:
  Connection& connection_;
  std::string name_;
};

}  // namespace

base::Status Migrate(Connection& connection, const SchemaListener& listener) {
  if (AppliedMigrations(connection) == kMigrations.size()) return {};
  const MigrationLock lock(connection);
  const ExecuteDdl execute = [&](const std::string& sql) {
    if (listener) listener(sql);
    connection.Execute(sql);
  };
  const std::size_t applied = AppliedMigrations(connection);
  if (applied == kMigrations.size()) return {};  // that process has done it
  if (applied > kMigrations.size()) {
    return {base::Code::kInvalidArgument,
            fmt::format("the database was written by a newer millrace (schema {}, this one knows {})", applied,
                        kMigrations.size())};
  }
  execute(kCreateMigrations);
  for (std::size_t next = applied; next < kMigrations.size(); ++next) {
    RETURN_IF_ERROR(kMigrations[next](connection, execute));
    connection.Run("INSERT INTO millrace_migrations(number, applied_at) VALUES (?, ?)", next + 1, core::Now());
  }
  return {};
}

}  // namespace millrace::mysql
