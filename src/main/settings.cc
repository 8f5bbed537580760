#include "main/settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "adapters/curl/http_session.h"
#include "base/comma_list.h"
#include "ingest/message_schemas.h"
#include "ingest/retry_topics.h"
#include "ingest/webhook_dispatcher.h"

namespace millrace::app {
namespace {

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// `10MB`, `512KB`, `1GB` or plain bytes; powers of 1024.
std::optional<std::int64_t> ParseBytes(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  std::int64_t unit = 1;
  for (const auto& [suffix, size] : {std::pair{"KB", 1LL << 10}, {"MB", 1LL << 20}, {"GB", 1LL << 30}}) {
    if (text.size() > 2 && text.ends_with(suffix)) {
      unit = size;
      text.resize(text.size() - 2);
      break;
    }
  }
  const auto number = ParseInteger(text);
  if (!number || *number < 0 || *number > (std::int64_t{1} << 40) / unit) return std::nullopt;
  return *number * unit;
}

Setting Text(std::string name, std::string help, std::string Config::*member) {
  return {std::move(name), std::move(help),
          [member](Config& config, const std::string& text) -> std::optional<std::string> {
            config.*member = text;
            return std::nullopt;
          },
          [member](const Config& config) { return config.*member; }};
}

Setting Choice(std::string name, std::string help, std::string Config::*member, std::vector<std::string> choices) {
  return {std::move(name), std::move(help),
          [member, choices](Config& config, const std::string& text) -> std::optional<std::string> {
            if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
              std::string expected = "one of";
              for (const auto& choice : choices) expected += " " + choice;
              return expected;
            }
            config.*member = text;
            return std::nullopt;
          },
          [member](const Config& config) { return config.*member; }};
}

Setting Number(std::string name, std::string help, std::int64_t Config::*member, std::int64_t least,
               std::int64_t most) {
  return {std::move(name), std::move(help),
          [=](Config& config, const std::string& text) -> std::optional<std::string> {
            const auto value = ParseInteger(text);
            if (!value || *value < least || *value > most)
              return fmt::format("a whole number from {} to {}", least, most);
            config.*member = *value;
            return std::nullopt;
          },
          [member](const Config& config) { return std::to_string(config.*member); }};
}

Setting Bytes(std::string name, std::string help, std::int64_t Config::*member, std::int64_t least, std::int64_t most) {
  return {std::move(name), std::move(help),
          [=](Config& config, const std::string& text) -> std::optional<std::string> {
            const auto value = ParseBytes(text);
            if (!value || *value < least || *value > most) {
              return fmt::format("a size such as 10MB, from {} to {} bytes", least, most);
            }
            config.*member = *value;
            return std::nullopt;
          },
          [member](const Config& config) { return std::to_string(config.*member); }};
}

Setting Switch(std::string name, std::string help, bool Config::*member) {
  return {std::move(name), std::move(help),
          [member](Config& config, const std::string& text) -> std::optional<std::string> {
            if (text != "true" && text != "false" && text != "1" && text != "0") return "true or false";
            config.*member = text == "true" || text == "1";
            return std::nullopt;
          },
          [member](const Config& config) { return std::string(config.*member ? "true" : "false"); }, true};
}

/// Text of which `parse` says what was expected when it does not fit.
template <typename Parse>
Setting Parsed(std::string name, std::string help, std::string Config::*member, Parse parse) {
  Setting setting = Text(std::move(name), std::move(help), member);
  setting.set = [member, parse](Config& config, const std::string& text) -> std::optional<std::string> {
    if (const auto parsed = parse(text); !parsed) return parsed.error().message;
    config.*member = text;
    return std::nullopt;
  };
  return setting;
}

Setting Secret(std::string name, std::string help, std::string Config::*member) {
  Setting setting = Text(std::move(name), std::move(help), member);
  setting.is_secret = true;
  return setting;
}

/// The secret as the content of a file, without the end of its last line: how containers hand passwords in.
Setting SecretFile(std::string name, std::string help, std::string Config::*file, std::string Config::*member) {
  Setting setting = Text(std::move(name), std::move(help), file);
  setting.set = [file, member](Config& config, const std::string& path) -> std::optional<std::string> {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream content;
    if (!in || !(content << in.rdbuf())) return "a readable file with the secret";
    config.*file = path;
    config.*member = content.str();
    while (!(config.*member).empty() && ((config.*member).back() == '\n' || (config.*member).back() == '\r')) {
      (config.*member).pop_back();
    }
    return std::nullopt;
  };
  return setting;
}

/// Secret, because many receivers tell their senders by a token in it.
Setting WebhookUrl() {
  Setting setting = Parsed("webhook_url", "URL that events are sent to (docs/events.md); none: nowhere",
                           &Config::webhook_url, curl::OriginOf);
  setting.is_secret = true;
  return setting;
}

/// Secret, because it may hold a user and password.
Setting SchemaRegistryUrl() {
  Setting setting = Parsed("schema_registry_url", "Confluent-compatible schema registry (docs/events.md)",
                           &Config::schema_registry_url, curl::OriginOf);
  setting.is_secret = true;
  return setting;
}

Setting ServeOnly(Setting setting) {
  setting.of = Setting::Of::kServe;
  return setting;
}

Setting WorkerOnly(Setting setting) {
  setting.of = Setting::Of::kWorker;
  return setting;
}

/// The contract's name of a setting in the environment (CONTRACT §2–§4).
Setting As(const char* variable, Setting setting) {
  setting.variable = variable;
  return setting;
}

std::vector<Setting> ServerSettings() {
  return {
      ServeOnly(Text("data", "directory of the store (embedded mode)", &Config::data)),
      Text("listen", "HOST:PORT to listen on", &Config::listen),
      ServeOnly(
          Text("console_listen", "HOST:PORT to answer on too, or off (default: port 8080)", &Config::console_listen)),
      ServeOnly(Switch("ephemeral", "keep everything in memory and lose it at the end", &Config::ephemeral)),
      ServeOnly(Switch("embedded", "ignore KAFKA_BOOTSTRAP_SERVERS and MYSQL_HOST", &Config::embedded)),
      Choice("model", "minilm, or test: deterministic, needs no files", &Config::model, {"minilm", "test"}),
      Choice("precision", "float32, or int8: about twice as fast", &Config::precision, {"float32", "int8"}),
      Text("assets", "directory with runtime/ and model/", &Config::assets),
      Number("threads", "embedding threads; 0: one per core", &Config::threads, 0, 256),
      ServeOnly(
          Bytes("max_request_bytes", "largest request body", &Config::max_request_bytes, 1024, std::int64_t{1} << 30)),
      Number("max_connections", "connections at once", &Config::max_connections, 1, 100'000),
      Number("http_workers", "requests worked on at once", &Config::http_workers, 1, 1024),
      ServeOnly(Number("max_backlog", "undelivered messages beyond which accepting answers 503", &Config::max_backlog,
                       1, std::int64_t{1} << 40)),
      Number("drain_seconds", "time to finish at SIGTERM", &Config::drain_seconds, 0, 3600),
      Parsed("retry_delays", "how long a failed document waits before each further try; none: no tries",
             &Config::retry_delays, ingest::ParseRetryDelays),
      Text("api_keys", "file of API keys: KEY read|write|admin", &Config::api_keys),
      Text("allowed_hosts", "names /v1 answers to, comma-separated", &Config::allowed_hosts),
      ServeOnly(Text("cors_origin", "origin allowed on the contract's routes", &Config::cors_origin)),
      ServeOnly(WebhookUrl()),
      ServeOnly(Secret("webhook_secret", "key that webhooks are signed with", &Config::webhook_secret)),
      ServeOnly(SecretFile("webhook_secret_file", "file that holds it", &Config::webhook_secret_file,
                           &Config::webhook_secret)),
      ServeOnly(Parsed("webhook_events", "statuses that are sent, comma-separated", &Config::webhook_events,
                       ingest::ParseWebhookEvents)),
      ServeOnly(Parsed("webhook_retry_delays", "how long a webhook that failed waits before each further try",
                       &Config::webhook_retry_delays, ingest::ParseRetryDelays)),
      SchemaRegistryUrl(),
      Parsed("schema_framed_topics", "topics whose messages carry the schema id in the value, comma-separated",
             &Config::schema_framed_topics, ingest::ParseFramedTopics),
      Choice("log_level", "debug, info, warning, error", &Config::log_level, {"debug", "info", "warning", "error"}),
  };
}

std::vector<Setting> ClusterSettings() {
  return {
      As("KAFKA_BOOTSTRAP_SERVERS",
         Text("kafka_bootstrap_servers", "HOST:PORT of brokers, comma-separated", &Config::kafka_bootstrap_servers)),
      Choice("kafka_security_protocol", "plaintext, ssl, sasl_plaintext, sasl_ssl", &Config::kafka_security_protocol,
             {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"}),
      Text("kafka_sasl_mechanism", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER", &Config::kafka_sasl_mechanism),
      Text("kafka_sasl_username", "user of SASL", &Config::kafka_sasl_username),
      Secret("kafka_sasl_password", "its password", &Config::kafka_sasl_password),
      SecretFile("kafka_sasl_password_file", "file that holds it", &Config::kafka_sasl_password_file,
                 &Config::kafka_sasl_password),
      Text("kafka_ca_file", "PEM of the authority that signed the brokers' certificates", &Config::kafka_ca_file),
      Text("kafka_cert_file", "PEM of the client's certificate", &Config::kafka_cert_file),
      Text("kafka_key_file", "PEM of the client's key", &Config::kafka_key_file),
      Text("kafka_properties", "any of librdkafka's: NAME=VALUE, comma-separated", &Config::kafka_properties),
      WorkerOnly(Text("kafka_group_instance_id", "static membership: this worker's own lasting name",
                      &Config::kafka_group_instance_id)),
      Number("kafka_replication", "replicas of the topics made here; -1: as the broker is set",
             &Config::kafka_replication, -1, 32'767),
      As("MYSQL_HOST", Text("mysql_host", "MySQL 8 or MariaDB", &Config::mysql_host)),
      As("MYSQL_PORT", Number("mysql_port", "its port", &Config::mysql_port, 1, 65535)),
      As("MYSQL_USER", Text("mysql_user", "its user", &Config::mysql_user)),
      As("MYSQL_PASSWORD", Secret("mysql_password", "its password", &Config::mysql_password)),
      SecretFile("mysql_password_file", "file that holds it", &Config::mysql_password_file, &Config::mysql_password),
      As("MYSQL_DATABASE", Text("mysql_database", "its database", &Config::mysql_database)),
      Choice("mysql_tls", "off, on (encrypted), verify (and the certificate is checked)", &Config::mysql_tls,
             {"off", "on", "verify"}),
      Text("mysql_ca_file", "PEM of the authority that signed its certificate", &Config::mysql_ca_file),
      Number("mysql_connections", "connections to it at once", &Config::mysql_connections, 2, 1000),
      As("REDIS_HOST", Text("redis_host", "Redis; none: no cache is kept", &Config::redis_host)),
      As("REDIS_PORT", Number("redis_port", "its port", &Config::redis_port, 1, 65535)),
      Text("redis_username", "its user", &Config::redis_username),
      Secret("redis_password", "its password", &Config::redis_password),
      SecretFile("redis_password_file", "file that holds it", &Config::redis_password_file, &Config::redis_password),
      Choice("redis_tls", "off, or verify: encrypted, its certificate checked", &Config::redis_tls, {"off", "verify"}),
      Text("redis_ca_file", "PEM of the authority that signed its certificate", &Config::redis_ca_file),
  };
}

}  // namespace

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (const std::string_view part = base::TakeItem(rest); !part.empty()) parts.emplace_back(part);
  }
  return parts;
}

const std::vector<Setting>& Settings() {
  static const std::vector<Setting> settings = [] {
    std::vector<Setting> all = ServerSettings();
    for (Setting& setting : ClusterSettings()) all.push_back(std::move(setting));
    return all;
  }();
  return settings;
}

}  // namespace millrace::app
