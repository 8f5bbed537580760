#include "main/backend.h"

#include <chrono>
#include <optional>
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

/// Room for what a copy's headers add to a record of the brokers' own limit, 1 MiB.
constexpr char kCopyBytes[] = "2097152";

struct OwnTopic {
  std::string name;
  std::int32_t partitions = 3;
  std::optional<std::chrono::hours> retention;  // in embedded mode; none: for ever, everywhere
};

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
          store.dead_letters(),
          store.reindexer(),
          store.idempotency_keys(),
          store.traces(),
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
                 database.dead_letters(),
                 database.reindexer(),
                 database.idempotency_keys(),
                 database.traces(),
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
  using std::chrono::hours;
  // Uploads may go once all groups are past them, the contents stay in the store; dead letters stay for ever.
  std::vector<OwnTopic> own = {{core::kUploadsTopic, 3, hours(24)},
                               {core::kEventsTopic, 3, hours(24)},
                               {core::kAnalyticsTopic, 1, hours(24 * 7)},
                               {core::kDeadLettersTopic, 3, std::nullopt}};
  for (const ingest::RetryTopic& retry : RetryTopicsOf(config)) own.push_back({retry.name, 3, hours(24)});
  if (!config.webhook_url.empty()) own.push_back({core::kWebhookRetriesTopic, 3, hours(24)});
  std::vector<core::TopicSpec> topics;
  for (const OwnTopic& one : own) {
    core::TopicSpec topic{one.name, one.partitions, 1, {}};
    if (!one.retention) topic.config["retention.ms"] = "-1";
    if (config.cluster()) {
      topic.replication = static_cast<std::int16_t>(config.kafka_replication);  // retention: as the brokers are set
      if (one.name.starts_with(std::string(core::kUploadsTopic) + "-")) topic.config["max.message.bytes"] = kCopyBytes;
    } else if (one.retention) {
      topic.config["retention.ms"] = std::to_string(std::chrono::milliseconds(*one.retention).count());
    }
    topics.push_back(std::move(topic));
  }
  return topics;
}

std::vector<ingest::RetryTopic> RetryTopicsOf(const Config& config) {
  return ingest::ParseRetryDelays(config.retry_delays).value();  // checked when it was set
}

std::map<std::string, std::string> RetryGroupsOf(const Config& config) {
  std::map<std::string, std::string> groups;
  for (const ingest::RetryTopic& topic : RetryTopicsOf(config)) groups[topic.name] = topic.group;
  return groups;
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
