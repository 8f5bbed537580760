#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace millrace::app {

enum class Command { kServe, kWorker };

/// Everything `millrace serve` and `millrace worker` can be told. One table in settings.cc names each setting once, for
/// file, environment and flag.
struct Config {
  std::string data;              // directory of the store; default: $XDG_DATA_HOME/millrace or ~/.local/share/millrace
  std::string listen;            // default: 127.0.0.1:8000 for serve, any free port of 127.0.0.1 for a worker
  std::string console_listen;    // where serve answers too; empty: port 8080 of listen's host; off: nowhere
  bool ephemeral = false;        // keep everything in memory, lose it at the end
  bool embedded = false;         // ignore KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST
  std::string model = "minilm";  // minilm | test (deterministic, needs no files, for trying out and tests)
  std::string precision = "float32";  // float32 | int8
  std::string assets;                 // directory with runtime/ and model/; default: beside the program, then the cache
  std::int64_t threads = 0;           // embedding threads; 0: one per core
  std::int64_t max_request_bytes = 10 << 20;
  std::int64_t max_connections = 2048;
  std::int64_t http_workers = 64;
  std::int64_t max_backlog = 1'000'000;  // messages accepted and not in the log, beyond which accepting answers 503
  std::int64_t drain_seconds = 20;
  std::string retry_delays = "5s,1m,10m";  // how long a failed document waits, each time; as ingest::ParseRetryDelays
  std::string api_keys;                    // file of keys; none: everyone may do everything
  std::string allowed_hosts;  // comma-separated names that /v1 answers to beside localhost and the listen host
  std::string cors_origin = "*";
  std::string webhook_url;  // where events are sent; none: nowhere
  std::string webhook_secret, webhook_secret_file;
  std::string webhook_events = "indexed,failed,dead_lettered,deleted";  // as ingest::ParseWebhookEvents
  std::string webhook_retry_delays = "2s,8s,32s,2m,8m";                 // as ingest::ParseRetryDelays
  std::string schema_registry_url;                                      // none: there is no registry
  std::string schema_framed_topics = "none";                            // as ingest::ParseFramedTopics
  std::string log_level = "info";                                       // debug | info | warning | error

  // Kafka: all of it only in cluster mode, which kafka_bootstrap_servers and mysql_host together ask for.
  std::string kafka_bootstrap_servers;  // HOST:PORT, comma-separated
  std::string kafka_security_protocol = "plaintext";
  std::string kafka_sasl_mechanism, kafka_sasl_username, kafka_sasl_password, kafka_sasl_password_file;
  std::string kafka_ca_file, kafka_cert_file, kafka_key_file;
  std::string kafka_properties;         // any of librdkafka's: NAME=VALUE, comma-separated
  std::string kafka_group_instance_id;  // static membership of a worker
  std::int64_t kafka_replication = -1;  // of the topics made here; -1: as the broker is set

  std::string mysql_host;
  std::int64_t mysql_port = 3306;
  std::string mysql_user = "raguser", mysql_password = "ragpassword", mysql_password_file, mysql_database = "rag_db";
  std::string mysql_tls = "off";  // off | on (encrypted) | verify (and the server's certificate is checked)
  std::string mysql_ca_file;
  std::int64_t mysql_connections = 16;

  std::string redis_host;  // none: no cache is kept
  std::int64_t redis_port = 6379;
  std::string redis_username, redis_password, redis_password_file;
  std::string redis_tls = "off";  // off | verify
  std::string redis_ca_file;

  bool cluster() const { return !embedded && !kafka_bootstrap_servers.empty() && !mysql_host.empty(); }
};

struct SettingInForce {
  std::string name, value, source;  // secrets as ***; source: default, file, environment, flag
};

struct LoadedConfig {
  Config config;
  std::vector<SettingInForce> settings;
  std::vector<std::string> problems;  // all of them, one line each; empty when the configuration holds
  bool help = false;
  std::string help_text;
};

/// From `--config FILE` (TOML), the environment (MILLRACE_*, and the contract's own names) and flags, later ones
/// winning. `arguments` are those after the command.
LoadedConfig LoadConfig(Command command, const std::vector<std::string>& arguments);

}  // namespace millrace::app
