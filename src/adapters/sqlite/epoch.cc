#include "adapters/sqlite/epoch.h"

namespace millrace::sqlite {

base::Result<core::StoreIdentity> ReadIdentity(Connection& connection) {
  Statement select(connection, R"sql(
      SELECT id.value, epoch.value FROM meta id, meta epoch WHERE id.name = 'store_id' AND epoch.name = 'epoch')sql");
  if (!select.Step()) return base::Error{base::Code::kCorrupt, "the store has no identity", {}};
  return core::StoreIdentity{select.Text(0), select.Int(1)};
}

base::Result<core::StoreIdentity> BeginEpoch(Connection& connection) {
  connection.Run("UPDATE meta SET value = value + 1 WHERE name = 'epoch'");
  // SQLite's own table of the ids it gave last; without a row it has given none.
  if (connection.Run("UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'documents'", core::kEpochGap) == 0) {
    connection.Run("INSERT INTO sqlite_sequence(name, seq) VALUES ('documents', ?1)", core::kEpochGap);
  }
  return ReadIdentity(connection);
}

}  // namespace millrace::sqlite
