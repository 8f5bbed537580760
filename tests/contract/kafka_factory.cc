#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <utility>

#include "adapters/kafka/kafka_log.h"
#include "contract/log_contract.h"

namespace millrace::contract {
namespace {

using core::TopicPartition;

/// Puts a prefix before the names of topics and groups, so that each test sees a log of its own on a broker that others
/// use too. Names that Kafka must refuse stay as they are.
class Names {
 public:
  explicit Names(std::string prefix) : prefix_(std::move(prefix)) {}

  bool Has(const std::string& name) const { return name.starts_with(prefix_); }
  std::string Outside(const std::string& name) const {
    constexpr char kAllowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const bool good = !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
                      name.find_first_not_of(kAllowed) == std::string::npos;
    return good ? prefix_ + name : name;
  }
  std::string Inside(const std::string& name) const { return Has(name) ? name.substr(prefix_.size()) : name; }

  template <typename Value>
  std::map<TopicPartition, Value> Outside(const std::map<TopicPartition, Value>& from) const {
    std::map<TopicPartition, Value> to;
    for (const auto& [partition, value] : from) to[{Outside(partition.topic), partition.partition}] = value;
    return to;
  }
  std::vector<TopicPartition> Inside(std::vector<TopicPartition> partitions) const {
    for (auto& partition : partitions) partition.topic = Inside(partition.topic);
    return partitions;
  }

 private:
  std::string prefix_;
};

class PrefixedProducer final : public core::LogProducer {
 public:
  PrefixedProducer(core::LogProducer& producer, const Names& names) : producer_(producer), names_(names) {}

  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override {
    for (auto& record : records) record.position.topic = names_.Outside(record.position.topic);
    auto produced = producer_.Produce(std::move(records), deadline);
    if (!produced) return produced;
    for (auto& one : *produced) {
      if (one) one->topic = names_.Inside(one->topic);
    }
    return produced;
  }

 private:
  core::LogProducer& producer_;
  const Names& names_;
};

class PrefixedConsumer final : public core::LogConsumer {
 public:
  PrefixedConsumer(std::unique_ptr<core::LogConsumer> consumer, Names names)
      : consumer_(std::move(consumer)), names_(std::move(names)) {}

  base::Status Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) override {
    std::vector<std::string> outside;
    for (const auto& topic : topics) outside.push_back(names_.Outside(topic));
    const auto wrap = [this](auto told) {
      return [this, told = std::move(told)](const std::vector<TopicPartition>& partitions) {
        if (told) told(names_.Inside(partitions));
      };
    };
    return consumer_->Subscribe(outside, {wrap(std::move(listener.assigned)), wrap(std::move(listener.revoked))});
  }
  base::Status Assign(const std::vector<core::Position>& from) override {
    auto outside = from;
    for (auto& position : outside) position.topic = names_.Outside(position.topic);
    return consumer_->Assign(outside);
  }
  base::Result<std::vector<core::LogRecord>> Poll(std::size_t max, base::Deadline deadline) override {
    auto records = consumer_->Poll(max, deadline);
    if (!records) return records;
    for (auto& record : *records) record.position.topic = names_.Inside(record.position.topic);
    return records;
  }
  base::Status Commit(const std::map<TopicPartition, std::int64_t>& next_offsets) override {
    return consumer_->Commit(names_.Outside(next_offsets));
  }
  void Close() override { consumer_->Close(); }

 private:
  std::unique_ptr<core::LogConsumer> consumer_;
  const Names names_;
};

class PrefixedAdmin final : public core::LogAdmin {
 public:
  PrefixedAdmin(core::LogAdmin& admin, const Names& names) : admin_(admin), names_(names) {}

  base::Status CreateTopic(const core::TopicSpec& spec) override {
    auto outside = spec;
    outside.name = names_.Outside(spec.name);
    return admin_.CreateTopic(outside);
  }
  base::Status DeleteTopic(const std::string& name) override { return admin_.DeleteTopic(names_.Outside(name)); }
  base::Result<std::int64_t> EmptyTopic(const std::string& name) override {
    return admin_.EmptyTopic(names_.Outside(name));
  }
  base::Status AlterTopic(const std::string& name, const core::TopicChange& change) override {
    return admin_.AlterTopic(names_.Outside(name), change);
  }
  base::Result<std::vector<core::TopicInfo>> ListTopics() override {
    auto topics = admin_.ListTopics();
    if (!topics) return topics;
    std::erase_if(*topics, [this](const auto& topic) { return !names_.Has(topic.spec.name); });
    for (auto& topic : *topics) topic.spec.name = names_.Inside(topic.spec.name);
    return topics;
  }
  base::Result<core::TopicDescription> DescribeTopic(const std::string& name) override {
    auto topic = admin_.DescribeTopic(names_.Outside(name));
    if (topic) topic->spec.name = names_.Inside(topic->spec.name);
    return topic;
  }
  base::Result<std::int64_t> ApplyRetention(core::Timestamp now) override { return admin_.ApplyRetention(now); }

 private:
  core::LogAdmin& admin_;
  const Names& names_;
};

class PrefixedGroups final : public core::GroupAdmin {
 public:
  PrefixedGroups(core::GroupAdmin& groups, const Names& names) : groups_(groups), names_(names) {}

  base::Result<std::vector<core::GroupSummary>> ListGroups() override {
    auto groups = groups_.ListGroups();
    if (!groups) return groups;
    std::erase_if(*groups, [this](const auto& group) { return !names_.Has(group.name); });
    for (auto& group : *groups) group.name = names_.Inside(group.name);
    return groups;
  }
  base::Result<core::GroupInfo> DescribeGroup(const std::string& name) override {
    auto group = groups_.DescribeGroup(names_.Outside(name));
    if (!group) return group;
    group->name = names_.Inside(group->name);
    for (auto& member : group->members) member.partitions = names_.Inside(member.partitions);
    std::map<TopicPartition, std::int64_t> committed;
    for (const auto& [partition, offset] : group->committed) {
      committed[{names_.Inside(partition.topic), partition.partition}] = offset;
    }
    group->committed = std::move(committed);
    return group;
  }
  base::Status ResetOffsets(const std::string& name, const std::map<TopicPartition, std::int64_t>& next) override {
    return groups_.ResetOffsets(names_.Outside(name), names_.Outside(next));
  }
  base::Status DeleteGroup(const std::string& name) override { return groups_.DeleteGroup(names_.Outside(name)); }
  base::Result<std::map<std::int32_t, std::int64_t>> OffsetsAt(const std::string& topic,
                                                               core::Timestamp time) override {
    return groups_.OffsetsAt(names_.Outside(topic), time);
  }

 private:
  core::GroupAdmin& groups_;
  const Names& names_;
};

constexpr std::chrono::milliseconds kSilence{6000};  // brokers allow no less

std::unique_ptr<kafka::KafkaLog> OpenKafka() {
  const char* servers = std::getenv("MILLRACE_TEST_KAFKA");
  if (servers == nullptr) throw std::runtime_error("set MILLRACE_TEST_KAFKA to host:port of a Kafka broker");
  kafka::KafkaOptions options;
  options.bootstrap_servers = servers;
  options.session_timeout = options.max_poll_interval = kSilence;
  options.properties["topic.metadata.refresh.interval.ms"] = "500";  // topics that come later are noticed sooner
  auto log = kafka::KafkaLog::Open(std::move(options));
  if (!log) throw std::runtime_error(log.error().message);
  return std::move(*log);
}

std::string NewPrefix() {
  static int made = 0;
  return "contract-" + std::to_string(getpid()) + "-" + std::to_string(core::Now().time_since_epoch().count()) + "-" +
         std::to_string(++made) + "-";
}

class KafkaLogUnderTest final : public LogUnderTest {
 public:
  ~KafkaLogUnderTest() override {
    const auto topics = admin_.ListTopics();
    for (const auto& topic : topics ? *topics : std::vector<core::TopicInfo>()) {
      EXPECT_TRUE(admin_.DeleteTopic(topic.spec.name)) << topic.spec.name;
    }
    const auto groups = groups_.ListGroups();
    for (const auto& group : groups ? *groups : std::vector<core::GroupSummary>()) {
      EXPECT_TRUE(groups_.DeleteGroup(group.name)) << group.name;
    }
  }

  core::LogProducer& producer() override { return producer_; }
  core::LogAdmin& admin() override { return admin_; }
  core::GroupAdmin& groups() override { return groups_; }
  std::unique_ptr<core::LogConsumer> NewConsumer(std::string group) override {
    return std::make_unique<PrefixedConsumer>(log_->NewConsumer(group.empty() ? group : names_.Outside(group)), names_);
  }

 private:
  const Names names_{NewPrefix()};
  const std::unique_ptr<kafka::KafkaLog> log_ = OpenKafka();
  PrefixedProducer producer_{log_->producer(), names_};
  PrefixedAdmin admin_{log_->admin(), names_};
  PrefixedGroups groups_{log_->groups(), names_};
};

MILLRACE_INSTANTIATE_LOG_CONTRACT((LogFactory{.name = "kafka",
                                              .make = [] { return std::make_unique<KafkaLogUnderTest>(); },
                                              .member_silence = kSilence,
                                              .quiet = std::chrono::milliseconds(500),
                                              .visit = std::chrono::milliseconds(2000),
                                              .patience = std::chrono::milliseconds(40'000),
                                              .fair_after = 1000,
                                              .moves_only_what_must = false}));

}  // namespace
}  // namespace millrace::contract
