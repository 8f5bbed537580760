#pragma once

#include <memory>
#include <stdexcept>
#include <utility>

#include "adapters/mysql/mysql_store.h"
#include "contract/store_contract.h"
#include "unit/mysql/test_database.h"

namespace millrace::mysql {

/// The stores of one process, with connections of their own. Several on one database are several processes.
class Server {
 public:
  explicit Server(const MysqlOptions& options) {
    auto opened = MysqlDatabase::Open(options);
    if (!opened) throw std::runtime_error(opened.error().message);
    stores_ = std::move(*opened);
  }

  contract::StoreFixture ports() {
    return {stores_->documents(),        stores_->contents(),     stores_->chunks(),
            stores_->effects(),          stores_->dead_letters(), stores_->reindexer(),
            stores_->idempotency_keys(), stores_->traces(),       stores_->index_feed(),
            stores_->outbox(),           stores_->admin()};
  }
  core::Instances& instances() { return stores_->instances(); }

 private:
  std::unique_ptr<MysqlDatabase> stores_;
};

/// As if the database had just been made, but for its identity: much faster than making one.
inline void EmptyStore(TestDatabase& database) {
  database.Execute(
      "DELETE FROM embeddings; DELETE FROM documents; DELETE FROM document_versions; DELETE FROM document_state;"
      "DELETE FROM document_contents; DELETE FROM retired_versions; DELETE FROM outbox; DELETE FROM dead_letters; "
      "DELETE FROM keyed_requests; DELETE FROM keyed_documents; "
      "DELETE FROM instances;"
      "DELETE FROM millrace_meta WHERE name NOT IN ('store_id', 'epoch');"
      "ALTER TABLE documents AUTO_INCREMENT = 1; ALTER TABLE embeddings AUTO_INCREMENT = 1");
}

}  // namespace millrace::mysql
