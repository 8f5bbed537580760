#include "adapters/kafka/configuration.h"

#include <gtest/gtest.h>

#include <optional>

#include "adapters/kafka/kafka_log.h"

namespace millrace::kafka {
namespace {

/// The value in force, as librdkafka takes them: the last one wins.
std::optional<std::string> Value(const Settings& settings, const std::string& name) {
  std::optional<std::string> value;
  for (const auto& [key, one] : settings) {
    if (key == name) value = one;
  }
  return value;
}

KafkaOptions Somewhere() {
  KafkaOptions options;
  options.bootstrap_servers = "127.0.0.1:1";
  return options;
}

TEST(KafkaConfiguration, DeliveryDoesNotDependOnDefaults) {
  const Settings producer = ProducerSettings(Somewhere());
  EXPECT_EQ(Value(producer, "enable.idempotence"), "true");
  EXPECT_EQ(Value(producer, "partitioner"), "murmur2_random");
  const Settings member = ConsumerSettings(Somewhere(), "g");
  EXPECT_EQ(Value(member, "group.id"), "g");
  EXPECT_EQ(Value(member, "enable.auto.commit"), "false");
  EXPECT_EQ(Value(member, "auto.offset.reset"), "earliest");
}

TEST(KafkaConfiguration, SecretsAndFilesReachEveryHandle) {
  KafkaOptions options = Somewhere();
  options.security_protocol = "SASL_SSL";
  options.sasl_mechanism = "SCRAM-SHA-512";
  options.sasl_username = "app";
  options.sasl_password = "secret";
  options.ca_file = "/ca.pem";
  options.certificate_file = "/cert.pem";
  options.key_file = "/key.pem";
  for (const Settings& settings : {ProducerSettings(options), ConsumerSettings(options, ""), AdminSettings(options)}) {
    EXPECT_EQ(Value(settings, "security.protocol"), "SASL_SSL");
    EXPECT_EQ(Value(settings, "sasl.mechanisms"), "SCRAM-SHA-512");
    EXPECT_EQ(Value(settings, "sasl.username"), "app");
    EXPECT_EQ(Value(settings, "sasl.password"), "secret");
    EXPECT_EQ(Value(settings, "ssl.ca.location"), "/ca.pem");
    EXPECT_EQ(Value(settings, "ssl.certificate.location"), "/cert.pem");
    EXPECT_EQ(Value(settings, "ssl.key.location"), "/key.pem");
  }
  EXPECT_FALSE(Value(ProducerSettings(Somewhere()), "sasl.password").has_value());
}

TEST(KafkaConfiguration, AReaderTakesNoStaticMembersPlace) {
  KafkaOptions options = Somewhere();
  options.group_instance_id = "worker-1";
  EXPECT_EQ(Value(ConsumerSettings(options, "g"), "group.instance.id"), "worker-1");
  EXPECT_FALSE(Value(ConsumerSettings(options, ""), "group.instance.id").has_value());
}

TEST(KafkaConfiguration, PropertiesWin) {
  KafkaOptions options = Somewhere();
  options.properties["linger.ms"] = "77";
  options.properties["queued.min.messages"] = "5";
  EXPECT_EQ(Value(ProducerSettings(options), "linger.ms"), "77");
  EXPECT_EQ(Value(ConsumerSettings(options, "g"), "queued.min.messages"), "5");
}

TEST(KafkaConfiguration, EveryWayToLogInIsBuiltIn) {
  for (const char* mechanism : {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"}) {
    KafkaOptions options = Somewhere();
    options.security_protocol = "SASL_SSL";
    options.sasl_mechanism = mechanism;
    options.sasl_username = "app";
    options.sasl_password = "secret";
    const auto log = KafkaLog::Open(options);
    EXPECT_TRUE(log) << log.error().message;
  }
}

TEST(KafkaConfiguration, MistakesAreFoundWithoutABroker) {
  const auto refused = [](const KafkaOptions& options, const char* named) {
    const auto log = KafkaLog::Open(options);
    ASSERT_FALSE(log) << named;
    EXPECT_EQ(log.error().code, base::Code::kInvalidArgument);
    EXPECT_NE(log.error().message.find(named), std::string::npos) << log.error().message;
  };
  refused(KafkaOptions(), "bootstrap");
  for (const char* own : {"enable.auto.commit", "acks", "group.id"}) {
    KafkaOptions options = Somewhere();
    options.properties[own] = "1";
    refused(options, own);
  }
  KafkaOptions options = Somewhere();
  options.properties["no.such.property"] = "1";
  refused(options, "no.such.property");
  options = Somewhere();
  options.properties["linger.ms"] = "soon";
  refused(options, "linger.ms");
  options = Somewhere();
  options.security_protocol = "SASL_SSL";
  options.sasl_mechanism = "NONSENSE";
  refused(options, "NONSENSE");
  options = Somewhere();
  options.security_protocol = "SSL";
  options.ca_file = "/no/such/ca.pem";
  refused(options, "/no/such/ca.pem");
  options = Somewhere();
  options.max_poll_interval = std::chrono::milliseconds(10);  // below the session's
  refused(options, "max.poll.interval.ms");
}

}  // namespace
}  // namespace millrace::kafka
