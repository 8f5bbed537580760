#include "adapters/mysql/mysql_store.h"

#include <utility>

#include "adapters/mysql/dead_letters.h"
#include "adapters/mysql/documents.h"
#include "adapters/mysql/effects.h"
#include "adapters/mysql/engine.h"
#include "adapters/mysql/foreign_rows.h"
#include "adapters/mysql/idempotency.h"
#include "adapters/mysql/instances.h"
#include "adapters/mysql/outbox.h"
#include "adapters/mysql/reads.h"
#include "adapters/mysql/reindex.h"
#include "adapters/mysql/search_statistics.h"
#include "adapters/mysql/store_admin.h"
#include "adapters/mysql/traces.h"

namespace millrace::mysql {

struct MysqlDatabase::Parts {
  explicit Parts(std::unique_ptr<Engine> opened) : engine(std::move(opened)) {}

  std::unique_ptr<Engine> engine;
  Documents documents{*engine};
  Contents contents{*engine};
  Chunks chunks{*engine};
  EffectRows effects{*engine};
  DeadLetterList dead_letters{*engine};
  ReindexRows reindexer{*engine};
  RequestRows requests{*engine};
  Traces traces{*engine};
  Feed feed{*engine};
  OutboxRows outbox{*engine};
  Admin admin{*engine};
  InstanceRows instances{*engine};
  SearchTables statistics{*engine};
  Takeover takeover{*engine};
};

base::Result<std::unique_ptr<MysqlDatabase>> MysqlDatabase::Open(const MysqlOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::Open(options));
  return std::unique_ptr<MysqlDatabase>(new MysqlDatabase(std::make_unique<Parts>(std::move(engine))));
}

MysqlDatabase::MysqlDatabase(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
MysqlDatabase::~MysqlDatabase() = default;

core::DocumentStore& MysqlDatabase::documents() { return parts_->documents; }
core::ContentStore& MysqlDatabase::contents() { return parts_->contents; }
core::ChunkStore& MysqlDatabase::chunks() { return parts_->chunks; }
core::EffectStore& MysqlDatabase::effects() { return parts_->effects; }
core::DeadLetters& MysqlDatabase::dead_letters() { return parts_->dead_letters; }
core::Reindexer& MysqlDatabase::reindexer() { return parts_->reindexer; }
core::IdempotencyKeys& MysqlDatabase::idempotency_keys() { return parts_->requests; }
core::TraceFinder& MysqlDatabase::traces() { return parts_->traces; }
core::IndexFeed& MysqlDatabase::index_feed() { return parts_->feed; }
core::Outbox& MysqlDatabase::outbox() { return parts_->outbox; }
core::StoreAdmin& MysqlDatabase::admin() { return parts_->admin; }
core::Instances& MysqlDatabase::instances() { return parts_->instances; }
core::SearchStatistics& MysqlDatabase::statistics() { return parts_->statistics; }
core::ForeignRows& MysqlDatabase::foreign_rows() { return parts_->takeover; }

}  // namespace millrace::mysql
