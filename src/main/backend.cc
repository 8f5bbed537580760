#include "main/backend.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "adapters/memory/search_table.h"
#include "adapters/sqlite/sqlite_store.h"
#include "admin/topic_keeper.h"

namespace millrace::app {
namespace {

struct InMemory {
  memory::MemoryStore store;
  memory::MemoryLog log;
  memory::SearchTable statistics;
  memory::InstanceTable instances;
};

struct InFile {
  std::unique_ptr<sqlite::SqliteDatabase> database;
  memory::InstanceTable instances;  // this process alone has the file open
};

Backend OpenMemory() {
  auto owner = std::make_shared<InMemory>();
  auto& [store, log, statistics, instances] = *owner;
  return {owner,
          store.documents(),
          store.contents(),
          store.chunks(),
          store.effects(),
          store.index_feed(),
          store.outbox(),
          store.admin(),
          log.producer(),
          log.admin(),
          log.groups(),
          statistics,
          instances,
          [&log](const std::string& group) { return log.NewConsumer(group); }};
}

base::Result<Backend> OpenSqlite(const Config& config) {
  sqlite::SqliteOptions options;
  options.directory = config.data;
  auto owner = std::make_shared<InFile>();
  ASSIGN_OR_RETURN(owner->database, sqlite::SqliteDatabase::Open(options));
  auto& database = *owner->database;
  return Backend{owner,
                 database.documents(),
                 database.contents(),
                 database.chunks(),
                 database.effects(),
                 database.index_feed(),
                 database.outbox(),
                 database.admin(),
                 database.producer(),
                 database.log_admin(),
                 database.group_admin(),
                 database.search_statistics(),
                 owner->instances,
                 [&database](const std::string& group) { return database.NewConsumer(group); }};
}

}  // namespace

std::vector<core::TopicSpec> OwnTopics(const Config& config) {
  const std::vector<std::pair<const char*, std::int32_t>> partitions = {
      {core::kUploadsTopic, 3}, {core::kEventsTopic, 3}, {core::kAnalyticsTopic, 1}};
  std::vector<core::TopicSpec> topics;
  for (const auto& [name, count] : partitions) {
    core::TopicSpec topic{name, count, 1, {}};
    if (config.cluster()) {
      topic.replication = static_cast<std::int16_t>(config.kafka_replication);  // retention: as the brokers are set
    } else {
      // Uploads may go once all groups are past them, the contents stay in the store; the others are views' food.
      const std::chrono::milliseconds age = std::chrono::hours(topic.name == core::kAnalyticsTopic ? 24 * 7 : 24);
      topic.config["retention.ms"] = std::to_string(age.count());
    }
    topics.push_back(std::move(topic));
  }
  return topics;
}

base::Result<Backend> OpenBackend(const Config& config) {
  if (config.cluster()) return OpenCluster(config);
  base::Result<Backend> backend = config.ephemeral ? base::Result<Backend>(OpenMemory()) : OpenSqlite(config);
  if (!backend) return backend;
  const auto ensured = admin::TopicKeeper(backend->log_admin, OwnTopics(config)).EnsureTopics();
  if (!ensured) return ensured.error();
  return backend;
}

}  // namespace millrace::app
