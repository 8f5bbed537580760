#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "core/log.h"

namespace millrace::kafka {

/// How a Kafka cluster is reached. Empty strings: not set.
struct KafkaOptions {
  std::string bootstrap_servers;  // `host:port,host:port`
  std::string client_id = "millrace";
  std::string group_instance_id;  // static membership: one id per worker, the same after its restart
  std::string security_protocol;  // PLAINTEXT (default), SSL, SASL_PLAINTEXT, SASL_SSL
  std::string sasl_mechanism;     // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER
  std::string sasl_username, sasl_password;
  std::string ca_file, certificate_file, key_file;       // PEM
  std::map<std::string, std::string> properties;         // librdkafka's own; they win over all of these
  std::chrono::milliseconds session_timeout{15'000};     // a dead worker's partitions move on after this
  std::chrono::milliseconds max_poll_interval{300'000};  // a stuck one's after this
};

/// The log ports on a Kafka cluster, by librdkafka. Thread-safe.
class KafkaLog {
 public:
  /// Checks the options; brokers may be down, and every call below works once they are back. kInvalidArgument names
  /// the option that is wrong.
  static base::Result<std::unique_ptr<KafkaLog>> Open(KafkaOptions options);
  ~KafkaLog();  // REQUIRES: nobody is inside a port

  core::LogProducer& producer();
  core::LogAdmin& admin();
  core::GroupAdmin& groups();

  /// An empty group makes a reader for Assign. May outlive the KafkaLog.
  std::unique_ptr<core::LogConsumer> NewConsumer(std::string group);

  /// Asks a broker. The error says which one and why, e.g. `127.0.0.1:9092: Connection refused`.
  base::Status Probe(std::chrono::milliseconds timeout);

 private:
  struct Parts;
  explicit KafkaLog(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::kafka
