#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/log_groups.h"
#include "core/log.h"

namespace millrace::sqlite {

class GroupOffsets final : public core::GroupAdmin {
 public:
  GroupOffsets(Engine& engine, Groups& groups) : engine_(engine), groups_(groups) {}

  base::Result<std::vector<core::GroupSummary>> ListGroups() override;
  base::Result<core::GroupInfo> DescribeGroup(const std::string& name) override;
  base::Status ResetOffsets(const std::string& name, const std::map<core::TopicPartition, std::int64_t>& next) override;
  base::Status DeleteGroup(const std::string& name) override;
  base::Result<std::map<std::int32_t, std::int64_t>> OffsetsAt(const std::string& topic, core::Timestamp time) override;

 private:
  base::Status CheckEmpty(const std::string& group);

  Engine& engine_;
  Groups& groups_;
};

}  // namespace millrace::sqlite
