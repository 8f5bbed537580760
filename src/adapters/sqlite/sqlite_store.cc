#include "adapters/sqlite/sqlite_store.h"

#include <utility>

#include "adapters/sqlite/dead_letters.h"
#include "adapters/sqlite/documents.h"
#include "adapters/sqlite/effects.h"
#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/group_offsets.h"
#include "adapters/sqlite/idempotency.h"
#include "adapters/sqlite/log_consumer.h"
#include "adapters/sqlite/log_groups.h"
#include "adapters/sqlite/log_producer.h"
#include "adapters/sqlite/log_signal.h"
#include "adapters/sqlite/log_topics.h"
#include "adapters/sqlite/outbox.h"
#include "adapters/sqlite/reads.h"
#include "adapters/sqlite/reindex.h"
#include "adapters/sqlite/search_rows.h"
#include "adapters/sqlite/store_admin.h"
#include "adapters/sqlite/traces.h"

namespace millrace::sqlite {

struct SqliteDatabase::Parts {
  explicit Parts(std::unique_ptr<Engine> opened) : engine(std::move(opened)) {}
  ~Parts() { engine->writer->Stop(); }  // it tells the groups of new topics

  LogSignal signal;
  std::unique_ptr<Engine> engine;
  Groups groups{*engine, signal};
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
  SearchRows searches{*engine};
  Producer producer{*engine, signal};
  Topics topics{*engine, groups};
  GroupOffsets group_offsets{*engine, groups};
};

base::Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const SqliteOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::Open(options));
  auto parts = std::make_unique<Parts>(std::move(engine));
  RETURN_IF_ERROR(parts->topics.Load());
  return std::unique_ptr<SqliteDatabase>(new SqliteDatabase(std::move(parts)));
}

SqliteDatabase::SqliteDatabase(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SqliteDatabase::~SqliteDatabase() = default;

core::DocumentStore& SqliteDatabase::documents() { return parts_->documents; }
core::ContentStore& SqliteDatabase::contents() { return parts_->contents; }
core::ChunkStore& SqliteDatabase::chunks() { return parts_->chunks; }
core::EffectStore& SqliteDatabase::effects() { return parts_->effects; }
core::DeadLetters& SqliteDatabase::dead_letters() { return parts_->dead_letters; }
core::Reindexer& SqliteDatabase::reindexer() { return parts_->reindexer; }
core::IdempotencyKeys& SqliteDatabase::idempotency_keys() { return parts_->requests; }
core::TraceFinder& SqliteDatabase::traces() { return parts_->traces; }
core::IndexFeed& SqliteDatabase::index_feed() { return parts_->feed; }
core::Outbox& SqliteDatabase::outbox() { return parts_->outbox; }
core::StoreAdmin& SqliteDatabase::admin() { return parts_->admin; }
core::SearchStatistics& SqliteDatabase::search_statistics() { return parts_->searches; }
core::LogProducer& SqliteDatabase::producer() { return parts_->producer; }
core::LogAdmin& SqliteDatabase::log_admin() { return parts_->topics; }
core::GroupAdmin& SqliteDatabase::group_admin() { return parts_->group_offsets; }

std::unique_ptr<core::LogConsumer> SqliteDatabase::NewConsumer(std::string group) {
  return std::make_unique<Consumer>(*parts_->engine, parts_->groups, parts_->signal, std::move(group));
}

}  // namespace millrace::sqlite
