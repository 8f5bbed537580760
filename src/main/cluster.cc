#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "adapters/kafka/kafka_log.h"
#include "adapters/mysql/mysql_store.h"
#include "adapters/redis/redis_cache.h"
#include "main/backend.h"
#include "main/settings.h"

namespace millrace::app {
namespace {

struct Cluster {
  std::unique_ptr<mysql::MysqlDatabase> database;
  std::unique_ptr<kafka::KafkaLog> log;
  std::unique_ptr<redis::RedisCache> cache;
};

mysql::MysqlOptions MysqlOptionsOf(const Config& config) {
  mysql::MysqlOptions options;
  options.host = config.mysql_host;
  options.port = static_cast<std::uint16_t>(config.mysql_port);
  options.user = config.mysql_user;
  options.password = config.mysql_password;
  options.database = config.mysql_database;
  options.tls.required = config.mysql_tls != "off";
  options.tls.verify = config.mysql_tls == "verify";
  options.tls.ca_file = config.mysql_ca_file;
  options.pool_size = static_cast<std::size_t>(config.mysql_connections);
  return options;
}

base::Result<kafka::KafkaOptions> KafkaOptionsOf(const Config& config) {
  kafka::KafkaOptions options;
  options.bootstrap_servers = config.kafka_bootstrap_servers;
  options.group_instance_id = config.kafka_group_instance_id;
  options.security_protocol = config.kafka_security_protocol;
  options.sasl_mechanism = config.kafka_sasl_mechanism;
  options.sasl_username = config.kafka_sasl_username;
  options.sasl_password = config.kafka_sasl_password;
  options.ca_file = config.kafka_ca_file;
  options.certificate_file = config.kafka_cert_file;
  options.key_file = config.kafka_key_file;
  for (const std::string& property : SplitAtCommas(config.kafka_properties)) {
    const std::size_t equals = property.find('=');
    if (equals == std::string::npos || equals == 0) {
      return base::Error{base::Code::kInvalidArgument, "kafka_properties: expected NAME=VALUE, not " + property, {}};
    }
    options.properties[property.substr(0, equals)] = property.substr(equals + 1);
  }
  return options;
}

redis::RedisOptions RedisOptionsOf(const Config& config, const core::StoreIdentity& store) {
  redis::RedisOptions options;
  options.host = config.redis_host;
  options.port = static_cast<int>(config.redis_port);
  options.username = config.redis_username;
  options.password = config.redis_password;
  options.tls = config.redis_tls != "off";
  options.ca_file = config.redis_ca_file;
  options.store = store.id + "." + std::to_string(store.epoch);
  return options;
}

}  // namespace

base::Result<Backend> OpenCluster(const Config& config) {
  auto owner = std::make_shared<Cluster>();
  ASSIGN_OR_RETURN(kafka::KafkaOptions kafka_options, KafkaOptionsOf(config));
  ASSIGN_OR_RETURN(owner->log, kafka::KafkaLog::Open(std::move(kafka_options)));
  ASSIGN_OR_RETURN(owner->database, mysql::MysqlDatabase::Open(MysqlOptionsOf(config)));
  auto& [database, log, cache] = *owner;
  Backend backend{owner,
                  database->documents(),
                  database->contents(),
                  database->chunks(),
                  database->effects(),
                  database->dead_letters(),
                  database->reindexer(),
                  database->idempotency_keys(),
                  database->traces(),
                  database->index_feed(),
                  database->outbox(),
                  database->admin(),
                  log->producer(),
                  log->admin(),
                  log->groups(),
                  database->statistics(),
                  database->instances(),
                  [&log = *log](const std::string& group) { return log.NewConsumer(group); }};
  backend.foreign_rows = &database->foreign_rows();
  backend.probe_log = [&log = *log](std::chrono::milliseconds timeout) { return log.Probe(timeout); };
  if (!config.redis_host.empty()) {
    ASSIGN_OR_RETURN(const core::StoreIdentity store, database->admin().Identity());
    cache = std::make_unique<redis::RedisCache>(RedisOptionsOf(config, store));
    backend.cache = cache.get();
    backend.probe_cache = [&cache = *cache](std::chrono::milliseconds timeout) { return cache.Probe(timeout); };
  }
  return backend;
}

}  // namespace millrace::app
