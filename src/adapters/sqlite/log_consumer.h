#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/log_groups.h"
#include "adapters/sqlite/log_signal.h"
#include "core/log.h"

namespace millrace::sqlite {

class Consumer final : public core::LogConsumer {
 public:
  Consumer(Engine& engine, Groups& groups, LogSignal& signal, std::string group)
      : engine_(engine), groups_(groups), signal_(signal), group_(std::move(group)) {}
  ~Consumer() override { Leave(); }

  base::Status Subscribe(const std::vector<std::string>& topics, RebalanceListener listener) override;
  base::Status Assign(const std::vector<core::Position>& from) override;
  base::Result<std::vector<core::LogRecord>> Poll(std::size_t max, base::Deadline deadline) override;
  base::Status Commit(const std::map<core::TopicPartition, std::int64_t>& next_offsets) override;
  void Close() override { Leave(); }

 private:
  struct Cursor {
    std::int64_t topic_id = 0;
    std::int64_t next = 0;
  };
  using Cursors = std::map<core::TopicPartition, Cursor>;

  void Leave();
  base::Result<std::vector<core::LogRecord>> FollowAndFetch(std::size_t max, base::Deadline deadline);
  base::Status FollowGroup();
  base::Status Start(const std::vector<core::TopicPartition>& partitions);
  base::Result<std::vector<core::LogRecord>> Fetch(std::size_t max);

  Engine& engine_;
  Groups& groups_;
  LogSignal& signal_;
  const std::string group_;
  std::vector<std::string> topics_;
  RebalanceListener listener_;
  std::optional<Groups::Member> member_;
  Cursors cursors_;
  core::TopicPartition last_fetched_;  // the next fetch begins behind it, so that none starves
};

}  // namespace millrace::sqlite
