#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/kafka/client.h"
#include "core/log.h"

namespace millrace::kafka {

/// One librdkafka consumer at a time: Subscribe and Assign begin with a new one.
class Consumer final : public core::LogConsumer {
 public:
  Consumer(KafkaOptions options, std::string group);
  ~Consumer() override;

  base::Status Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) override;
  base::Status Assign(const std::vector<core::Position>& from) override;
  base::Result<std::vector<core::LogRecord>> Poll(std::size_t max, base::Deadline deadline) override;
  base::Status Commit(const std::map<core::TopicPartition, std::int64_t>& next_offsets) override;
  void Close() override;

 private:
  base::Status OpenClient();
  base::Result<std::vector<core::LogRecord>> KeepMembership();
  void SetPaused(bool paused);
  void OnRebalance(rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions);
  void Gain(rd_kafka_topic_partition_list_t* partitions);
  void Lose(rd_kafka_topic_partition_list_t* partitions);
  void LeaveGroup();
  base::Result<std::map<core::TopicPartition, std::int64_t>> WithoutGoneTopics(
      std::map<core::TopicPartition, std::int64_t> next_offsets);
  std::string MemberId() const;
  base::Status HandleError(const rd_kafka_message_t& message);
  void WarnOnce(std::string what);

  const KafkaOptions options_;
  const std::string group_;
  std::unique_ptr<Client> client_;
  RebalanceListener listener_;
  bool member_ = false;   // subscribed, not assigned by hand
  bool leaving_ = false;  // the listener is told nothing any more
  bool topic_was_gone_ = false;
  std::string member_id_;
  std::set<core::TopicPartition> owned_;
  std::vector<core::LogRecord> gathered_;  // by the Poll under way, or when it had no room
  std::optional<base::Deadline::Clock::time_point> full_since_;
  bool paused_ = false;
  std::set<std::string> warned_;  // said since records last came
};

}  // namespace millrace::kafka
