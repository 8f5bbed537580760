#pragma once

#include <string>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/log_groups.h"
#include "adapters/sqlite/log_rows.h"
#include "adapters/sqlite/log_signal.h"
#include "core/log.h"
#include "core/topic_rules.h"

namespace millrace::sqlite {

class Topics final : public core::LogAdmin {
 public:
  Topics(Engine& engine, Groups& groups) : engine_(engine), groups_(groups) {}

  /// Tells the groups which topics there are. Once, before anything else.
  base::Status Load();

  base::Status CreateTopic(const core::TopicSpec& spec) override;
  base::Status DeleteTopic(const std::string& name) override;
  base::Result<std::int64_t> EmptyTopic(const std::string& name) override;
  base::Status AlterTopic(const std::string& name, const core::TopicChange& change) override;
  base::Result<std::vector<core::TopicInfo>> ListTopics() override;
  base::Result<core::TopicDescription> DescribeTopic(const std::string& name) override;
  base::Result<std::int64_t> ApplyRetention(core::Timestamp now) override;

 private:
  base::Result<std::int64_t> TrimPartition(const TopicRow& topic, std::int32_t partition,
                                           const core::Retention& retention, core::Timestamp now);
  base::Result<std::int64_t> RemoveRecordsOfDeletedTopics();

  Engine& engine_;
  Groups& groups_;
};

}  // namespace millrace::sqlite
