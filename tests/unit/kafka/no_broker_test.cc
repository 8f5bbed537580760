#include <gtest/gtest.h>

#include <chrono>

#include "adapters/kafka/kafka_log.h"

namespace millrace::kafka {
namespace {

using base::Code;
using base::Deadline;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr char kRefused[] = "127.0.0.1:1: Connection refused";  // nobody listens on port 1

std::unique_ptr<KafkaLog> OpenNowhere() {
  KafkaOptions options;
  options.bootstrap_servers = "127.0.0.1:1";
  auto log = KafkaLog::Open(options);
  EXPECT_TRUE(log) << log.error().message;
  return std::move(*log);
}

TEST(KafkaWithoutABroker, AProbeSaysWhoRefusedInTime) {
  const auto log = OpenNowhere();
  const auto begin = Clock::now();
  const auto probed = log->Probe(milliseconds(1500));  // as /health has it
  ASSERT_FALSE(probed);
  EXPECT_EQ(probed.error().code, Code::kUnavailable);
  EXPECT_EQ(probed.error().message, kRefused);
  EXPECT_LT(Clock::now() - begin, milliseconds(5000));
}

TEST(KafkaWithoutABroker, AdminCallsEnd) {
  const auto log = OpenNowhere();
  const auto begin = Clock::now();
  const auto topics = log->admin().ListTopics();
  ASSERT_FALSE(topics);
  EXPECT_EQ(topics.error().code, Code::kUnavailable);
  EXPECT_NE(topics.error().message.find(kRefused), std::string::npos) << topics.error().message;
  EXPECT_LT(Clock::now() - begin, milliseconds(8000));
}

TEST(KafkaWithoutABroker, AProduceKeepsToItsDeadline) {
  const auto log = OpenNowhere();
  core::LogRecord record;
  record.position.topic = "t";
  record.value = "v";
  const auto begin = Clock::now();
  const auto produced = log->producer().Produce({record, record}, Deadline::After(milliseconds(300)));
  ASSERT_TRUE(produced);
  ASSERT_EQ(produced->size(), 2u);
  for (const auto& one : *produced) {
    ASSERT_FALSE(one);
    EXPECT_EQ(one.error().code, Code::kDeadlineExceeded);
  }
  EXPECT_LT(Clock::now() - begin, milliseconds(5000)) << "librdkafka itself gives up after six seconds";
}

TEST(KafkaWithoutABroker, APatientProduceLearnsTheReason) {
  const auto log = OpenNowhere();
  core::LogRecord record;
  record.position.topic = "t";
  record.value = "v";
  const auto begin = Clock::now();
  const auto produced = log->producer().Produce({record}, Deadline::AfterSeconds(10));  // as the outbox waits
  ASSERT_TRUE(produced);
  ASSERT_FALSE(produced->front());
  EXPECT_EQ(produced->front().error().code, Code::kUnavailable);
  EXPECT_NE(produced->front().error().message.find(kRefused), std::string::npos) << produced->front().error().message;
  EXPECT_LT(Clock::now() - begin, milliseconds(9500))
      << "the record could still be written after the outbox gave it up";
}

TEST(KafkaWithoutABroker, AConsumerWaitsAndLeaves) {
  const auto log = OpenNowhere();
  const auto member = log->NewConsumer("g");
  ASSERT_TRUE(member->Subscribe({"t"}, {}));
  const auto reader = log->NewConsumer("");
  ASSERT_TRUE(reader->Assign({{"t", 0, 0}}));
  for (auto* consumer : {member.get(), reader.get()}) {
    const auto begin = Clock::now();
    const auto records = consumer->Poll(10, Deadline::After(milliseconds(300)));
    ASSERT_TRUE(records) << records.error().message;
    EXPECT_TRUE(records->empty());
    EXPECT_GE(Clock::now() - begin, milliseconds(295));
    EXPECT_LT(Clock::now() - begin, milliseconds(5000));
  }
  const auto refused = member->Commit({{{"t", 0}, 1}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  const auto begin = Clock::now();
  member->Close();
  reader->Close();
  EXPECT_LT(Clock::now() - begin, milliseconds(15'000)) << "five seconds each at most";
}

}  // namespace
}  // namespace millrace::kafka
