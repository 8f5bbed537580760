#pragma once

#include <memory>
#include <stdexcept>
#include <utility>

#include "adapters/mysql/documents.h"
#include "adapters/mysql/effects.h"
#include "adapters/mysql/engine.h"
#include "adapters/mysql/outbox.h"
#include "adapters/mysql/reads.h"
#include "adapters/mysql/store_admin.h"
#include "contract/store_contract.h"
#include "unit/mysql/test_database.h"

namespace millrace::mysql {

/// The stores of one process, with connections of their own. Several on one database are several processes.
class Server {
 public:
  explicit Server(const MysqlOptions& options) : engine_(Open(options)) {}

  contract::StoreFixture ports() { return {documents_, contents_, chunks_, effects_, feed_, outbox_, admin_}; }
  Engine& engine() { return *engine_; }

 private:
  static std::unique_ptr<Engine> Open(const MysqlOptions& options) {
    auto opened = Engine::Open(options);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }

  std::unique_ptr<Engine> engine_;
  Documents documents_{*engine_};
  Contents contents_{*engine_};
  Chunks chunks_{*engine_};
  EffectRows effects_{*engine_};
  Feed feed_{*engine_};
  OutboxRows outbox_{*engine_};
  Admin admin_{*engine_};
};

/// As if the database had just been made, but for its identity: much faster than making one.
inline void EmptyStore(TestDatabase& database) {
  database.Execute(
      "DELETE FROM embeddings; DELETE FROM documents; DELETE FROM document_versions; DELETE FROM document_state;"
      "DELETE FROM document_contents; DELETE FROM retired_versions; DELETE FROM outbox;"
      "DELETE FROM millrace_meta WHERE name NOT IN ('store_id', 'epoch');"
      "ALTER TABLE documents AUTO_INCREMENT = 1; ALTER TABLE embeddings AUTO_INCREMENT = 1");
}

}  // namespace millrace::mysql
