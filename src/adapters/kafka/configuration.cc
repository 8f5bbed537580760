#include "adapters/kafka/configuration.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

namespace millrace::kafka {
namespace {

constexpr std::string_view kOwnProperties[] = {
    "acks",     "auto.offset.reset", "enable.auto.commit",   "enable.auto.offset.store", "enable.idempotence",
    "group.id", "partitioner",       "request.required.acks"};

std::string Milliseconds(std::chrono::milliseconds duration) { return std::to_string(duration.count()); }

Settings Connection(const KafkaOptions& options) {
  Settings settings = {
      {"bootstrap.servers", options.bootstrap_servers},
      {"client.id", options.client_id},
      {"log.thread.name", "false"},  // so that a line begins with the broker it is about
      // An outage ends for us at most a second after it ends for the broker, and a lost broker is given up in seconds.
      {"reconnect.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "1000"},
      {"socket.connection.setup.timeout.ms", "5000"},
      {"socket.timeout.ms", "10000"},
      {"socket.nagle.disable", "true"},
      {"topic.metadata.refresh.interval.ms", "30000"},
  };
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) settings.emplace_back(name, value);
  };
  add("security.protocol", options.security_protocol);
  add("sasl.mechanisms", options.sasl_mechanism);
  add("sasl.username", options.sasl_username);
  add("sasl.password", options.sasl_password);
  add("ssl.ca.location", options.ca_file);
  add("ssl.certificate.location", options.certificate_file);
  add("ssl.key.location", options.key_file);
  return settings;
}

Settings WithProperties(Settings settings, const KafkaOptions& options) {
  settings.insert(settings.end(), options.properties.begin(), options.properties.end());
  return settings;
}

void AddMemberTimes(Settings& settings, const KafkaOptions& options) {
  const auto heartbeat = std::min(std::chrono::milliseconds(1000), options.session_timeout / 3);
  settings.insert(settings.end(), {{"session.timeout.ms", Milliseconds(options.session_timeout)},
                                   {"heartbeat.interval.ms", Milliseconds(heartbeat)},
                                   {"max.poll.interval.ms", Milliseconds(options.max_poll_interval)}});
}

}  // namespace

base::Status CheckOptions(const KafkaOptions& options) {
  if (options.bootstrap_servers.empty()) return {base::Code::kInvalidArgument, "no Kafka bootstrap server is named"};
  // librdkafka would say that something failed in OpenSSL.
  for (const std::string& file : {options.ca_file, options.certificate_file, options.key_file}) {
    if (!file.empty() && !std::ifstream(file)) {
      return {base::Code::kInvalidArgument, fmt::format("the file {}, named for Kafka's TLS, cannot be read", file)};
    }
  }
  for (const auto& [name, value] : options.properties) {
    if (std::find(std::begin(kOwnProperties), std::end(kOwnProperties), name) != std::end(kOwnProperties)) {
      return {base::Code::kInvalidArgument,
              fmt::format("the Kafka property {} cannot be set: what is promised about delivery rests on it", name)};
    }
  }
  return {};
}

Settings ProducerSettings(const KafkaOptions& options) {
  Settings settings = Connection(options);
  settings.insert(settings.end(),
                  {{"enable.idempotence", "true"},     // and with it acks=all
                   {"partitioner", "murmur2_random"},  // where Java's clients place a key
                   {"linger.ms", "2"},                 // one request for what is produced together
                   {"message.max.bytes", "2097152"},   // a full record and the headers of its failure
                   {"queue.buffering.max.messages", "20000"},
                   {"queue.buffering.max.kbytes", "65536"},
                   // A record is written within this time or never: the producers for which order matters wait for
                   // longer (the outbox 10 s, with a lease of 30 s), so that no record of theirs turns up behind one
                   // that was sent after it was given up.
                   {"message.timeout.ms", "6000"},
                   {"request.timeout.ms", "5000"},
                   // An unknown topic is an answer, not a wait; creating one returns when its leaders are known.
                   {"topic.metadata.propagation.max.ms", "1000"}});
  return WithProperties(std::move(settings), options);
}

Settings ConsumerSettings(const KafkaOptions& options, const std::string& group) {
  Settings settings = Connection(options);
  AddMemberTimes(settings, options);
  settings.insert(settings.end(), {{"group.id", group.empty() ? "millrace-reader" : group},  // never joined by a reader
                                   {"enable.auto.commit", "false"},
                                   {"enable.auto.offset.store", "false"},
                                   {"auto.offset.reset", "earliest"},
                                   {"partition.assignment.strategy", "range"},
                                   // The log holds the backlog, not memory.
                                   {"queued.min.messages", "1000"},
                                   {"queued.max.messages.kbytes", "8192"},
                                   // A queue that is full is looked at again so soon: after the default of 1 s it
                                   // would hold no more than that second works off.
                                   {"fetch.queue.backoff.ms", "50"},
                                   {"fetch.error.backoff.ms", "100"},
                                   // Topics that appear, go or widen are noticed after this.
                                   {"topic.metadata.refresh.interval.ms", "3000"}});
  if (!group.empty() && !options.group_instance_id.empty()) {
    settings.emplace_back("group.instance.id", options.group_instance_id);
  }
  return WithProperties(std::move(settings), options);
}

Settings AdminSettings(const KafkaOptions& options) {
  Settings settings = Connection(options);
  AddMemberTimes(settings, options);
  settings.emplace_back("isolation.level", "read_uncommitted");  // or ends would be those of the last transaction
  return WithProperties(std::move(settings), options);
}

}  // namespace millrace::kafka
