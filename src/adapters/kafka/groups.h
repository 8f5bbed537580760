#pragma once

#include "adapters/kafka/admin_client.h"
#include "core/log.h"

namespace millrace::kafka {

class Groups final : public core::GroupAdmin {
 public:
  explicit Groups(AdminClient& admin) : admin_(admin) {}

  base::Result<std::vector<core::GroupSummary>> ListGroups() override;
  base::Result<core::GroupInfo> DescribeGroup(const std::string& name) override;
  base::Status ResetOffsets(const std::string& name, const std::map<core::TopicPartition, std::int64_t>& next) override;
  base::Status DeleteGroup(const std::string& name) override;
  base::Result<std::map<std::int32_t, std::int64_t>> OffsetsAt(const std::string& topic, core::Timestamp time) override;

 private:
  base::Result<std::map<core::TopicPartition, std::int64_t>> Committed(const std::string& name);

  AdminClient& admin_;
};

}  // namespace millrace::kafka
