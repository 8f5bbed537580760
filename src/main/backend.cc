#include "main/backend.h"

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "adapters/memory/search_table.h"
#include "adapters/sqlite/sqlite_store.h"

namespace millrace::app {
namespace {

/// Uploads may be deleted once all groups are past them; the contents stay in the store. Events and analytics are
/// views' food.
std::vector<core::TopicSpec> Topics() {
  const auto kept_for = [](std::chrono::milliseconds age) {
    return std::map<std::string, std::string>{{"retention.ms", std::to_string(age.count())}};
  };
  return {{core::kUploadsTopic, 3, 1, kept_for(std::chrono::hours(24))},
          {core::kEventsTopic, 3, 1, kept_for(std::chrono::hours(24))},
          {core::kAnalyticsTopic, 1, 1, kept_for(std::chrono::hours(24 * 7))}};
}

base::Status CreateMissingTopics(core::LogAdmin& log) {
  ASSIGN_OR_RETURN(const auto existing, log.ListTopics());
  std::set<std::string> names;
  for (const core::TopicInfo& topic : existing) names.insert(topic.spec.name);
  for (const core::TopicSpec& topic : Topics()) {
    if (!names.contains(topic.name)) RETURN_IF_ERROR(log.CreateTopic(topic));
  }
  return {};
}

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

base::Result<Backend> OpenBackend(const Config& config) {
  base::Result<Backend> backend = config.ephemeral ? base::Result<Backend>(OpenMemory()) : OpenSqlite(config);
  if (backend) RETURN_IF_ERROR(CreateMissingTopics(backend->log_admin));
  return backend;
}

}  // namespace millrace::app
