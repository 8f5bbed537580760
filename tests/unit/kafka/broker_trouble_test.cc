#include "adapters/kafka/broker_trouble.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::kafka {
namespace {

TEST(BrokerTrouble, KeepsTheBrokerAndTheReason) {
  const struct {
    const char *line, *broker, *reason;
  } kCases[] = {
      {"127.0.0.1:31001/bootstrap: Connect to ipv4#127.0.0.1:31001 failed: Connection refused (after 0ms in state "
       "CONNECT)",
       "127.0.0.1:31001", "Connection refused"},
      {"kafka:9092/1: Disconnected (after 1043ms in state UP, 3 identical error(s) suppressed)", "kafka:9092",
       "Disconnected"},
      {"sasl_ssl://[::1]:9093/bootstrap: SASL authentication error: Authentication failed: Invalid username or "
       "password "
       "(after 5ms in state AUTH_REQ)",
       "[::1]:9093", "SASL authentication error: Authentication failed: Invalid username or password"},
      {"kafka:9092/bootstrap: Failed to resolve 'kafka:9092': Name or service not known (after 3ms in state CONNECT)",
       "kafka:9092", "Failed to resolve 'kafka:9092': Name or service not known"},
      {"no broker in it", "", "no broker in it"},
      {"", "", ""},
  };
  for (const auto& one : kCases) {
    const BrokerReason parsed = ParseBrokerReason(one.line);
    EXPECT_EQ(parsed.broker, one.broker) << one.line;
    EXPECT_EQ(parsed.reason, one.reason) << one.line;
  }
}

TEST(BrokerTrouble, TellsTheLastReasonOfEachBroker) {
  BrokerTrouble trouble;
  EXPECT_EQ(trouble.Recent(), "");
  trouble.Note("b:1/2: Disconnected (after 1ms in state UP)");
  trouble.Note("a:1/bootstrap: Disconnected (after 1ms in state UP)");
  trouble.Note("b:1/2: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 1ms in state CONNECT)");
  EXPECT_EQ(trouble.Recent(), "a:1: Disconnected; b:1: Connection refused");
}

TEST(BrokerTrouble, StaysSmall) {
  BrokerTrouble trouble;
  for (int i = 0; i < 1000; ++i) trouble.Note("broker" + std::to_string(i) + ":1/1: Disconnected");
  EXPECT_LT(trouble.Recent().size(), 1000u);
  EXPECT_NE(trouble.Recent().find("broker999:1: Disconnected"), std::string::npos);
}

}  // namespace
}  // namespace millrace::kafka
