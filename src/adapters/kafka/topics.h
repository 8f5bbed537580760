#pragma once

#include "adapters/kafka/admin_client.h"
#include "core/log.h"

namespace millrace::kafka {

/// Topics of the cluster. Kafka's own, which begin with `__`, are not listed. Changes are returned from when they can
/// be seen and used.
class Topics final : public core::LogAdmin {
 public:
  explicit Topics(AdminClient& admin) : admin_(admin) {}

  base::Status CreateTopic(const core::TopicSpec& spec) override;
  base::Status DeleteTopic(const std::string& name) override;
  base::Result<std::int64_t> EmptyTopic(const std::string& name) override;
  base::Status AlterTopic(const std::string& name, const core::TopicChange& change) override;
  base::Result<std::vector<core::TopicInfo>> ListTopics() override;
  base::Result<core::TopicDescription> DescribeTopic(const std::string& name) override;
  base::Result<std::int64_t> ApplyRetention(core::Timestamp) override { return 0; }

 private:
  base::Status CreateOnce(const core::TopicSpec& spec);
  base::Result<std::vector<core::TopicInfo>> ListOnce();
  base::Status AddPartitions(const std::string& name, std::int32_t total, AdminClient::Mode mode);
  base::Status ChangeConfig(const std::string& name, const core::TopicChange& change);
  struct Settings {
    std::map<std::string, std::string> own;  // the topic's, not the brokers'
    std::optional<std::int64_t> retention_ms;
  };
  base::Result<Settings> SettingsOf(const std::string& name);
  base::Result<std::map<std::string, std::string>> ConfigOf(const std::string& name);

  AdminClient& admin_;
};

}  // namespace millrace::kafka
