#include "contract/log_contract.h"

#include <thread>
#include <utility>

namespace millrace::contract {

core::LogRecord MakeRecord(std::string topic, std::int32_t partition, std::string value) {
  core::LogRecord record;
  record.position.topic = std::move(topic);
  record.position.partition = partition;
  record.value = std::move(value);
  record.timestamp = core::Now();
  return record;
}

void LogContract::CreateTopic(std::string name, std::int32_t partitions,
                              std::optional<std::chrono::milliseconds> retention) {
  core::TopicSpec spec{std::move(name), partitions, 1, {}};
  if (retention) spec.config["retention.ms"] = std::to_string(retention->count());
  const auto status = log().admin().CreateTopic(spec);
  ASSERT_TRUE(status) << status.error().message;
}

core::Position LogContract::Produce(core::LogRecord record) {
  base::Result<core::Position> written(base::Code::kInternal, "not written");
  // Of several brokers, the one that is asked may hear of a new topic or partition later than another.
  static_cast<void>(Eventually([&] {
    const auto outcomes = log().producer().Produce({record}, base::Deadline::AfterSeconds(20));
    if (outcomes && outcomes->size() == 1) written = outcomes->front();
    return written || written.error().code != base::Code::kNotFound;
  }));
  if (!written) ADD_FAILURE() << written.error().message;
  return written ? *written : core::Position();
}

void LogContract::ProduceNumbers(const std::string& topic, std::int32_t partition, int first, int count) {
  for (int i = first; i < first + count; ++i) Produce(MakeRecord(topic, partition, std::to_string(i)));
}

std::unique_ptr<core::LogConsumer> LogContract::Subscribed(const std::string& group, const std::string& topic) {
  auto consumer = log().NewConsumer(group);
  const auto status = consumer->Subscribe({topic}, {});
  EXPECT_TRUE(status) << status.error().message;
  return consumer;
}

std::unique_ptr<core::LogConsumer> LogContract::Reading(const core::Position& from) {
  auto consumer = log().NewConsumer("");
  const auto status = consumer->Assign({from});
  EXPECT_TRUE(status) << status.error().message;
  return consumer;
}

core::Watermarks LogContract::WatermarksOf(const std::string& topic, std::int32_t partition) {
  const auto topics = log().admin().ListTopics();
  EXPECT_TRUE(topics);
  for (const auto& info : *topics) {
    if (info.spec.name == topic && info.watermarks.contains(partition)) return info.watermarks.at(partition);
  }
  ADD_FAILURE() << "no " << topic << "/" << partition;
  return {};
}

core::GroupInfo LogContract::Group(const std::string& name) {
  const auto group = log().groups().DescribeGroup(name);
  EXPECT_TRUE(group) << group.error().message;
  return group ? *group : core::GroupInfo();
}

bool LogContract::Eventually(const std::function<bool()>& condition) {
  const auto deadline = base::Deadline::After(GetParam().patience);
  while (!condition()) {
    if (deadline.expired()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

void LogContract::PollUntil(std::initializer_list<core::LogConsumer*> members, const std::function<bool()>& condition) {
  const auto deadline = base::Deadline::After(GetParam().patience);
  while (!condition() && !deadline.expired()) {
    for (auto* member : members) EXPECT_TRUE(PollDuring(*member, std::chrono::milliseconds(10)).empty());
  }
  EXPECT_TRUE(condition());
}

std::vector<core::LogRecord> PollFor(core::LogConsumer& consumer, std::size_t count,
                                     std::chrono::milliseconds patience) {
  std::vector<core::LogRecord> all;
  const auto deadline = base::Deadline::After(patience);
  while (all.size() < count && !deadline.expired()) {
    auto records = consumer.Poll(count - all.size(), deadline);
    EXPECT_TRUE(records) << records.error().message;
    if (!records) break;
    EXPECT_LE(records->size(), count - all.size());
    std::move(records->begin(), records->end(), std::back_inserter(all));
  }
  EXPECT_EQ(all.size(), count);
  return all;
}

std::vector<core::LogRecord> PollDuring(core::LogConsumer& consumer, std::chrono::milliseconds duration) {
  std::vector<core::LogRecord> all;
  const auto deadline = base::Deadline::After(duration);
  do {
    auto records = consumer.Poll(1000, deadline);
    EXPECT_TRUE(records) << records.error().message;
    if (!records) break;
    std::move(records->begin(), records->end(), std::back_inserter(all));
  } while (!deadline.expired());
  return all;
}

std::vector<std::string> Values(const std::vector<core::LogRecord>& records) {
  std::vector<std::string> values;
  for (const auto& record : records) values.push_back(record.value.value_or("(null)"));
  return values;
}

}  // namespace millrace::contract
