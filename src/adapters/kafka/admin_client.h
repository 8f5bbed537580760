#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/kafka/client.h"
#include "core/log.h"

namespace millrace::kafka {

inline constexpr std::chrono::milliseconds kAdminTimeout{5000};  // of one request

/// The partitions of each topic, without watermarks.
using Layouts = std::map<std::string, std::map<std::int32_t, core::PartitionInfo>>;

/// What the admin ports need of the cluster, on a handle of its own: a request that timed out holds up no record.
/// Thread-safe.
class AdminClient {
 public:
  static base::Result<std::unique_ptr<AdminClient>> Open(const Settings& settings);

  base::Status Probe(std::chrono::milliseconds timeout);

  base::Result<Layouts> AllTopics();
  /// Never makes the topic, whatever the broker is set to; kNotFound when there is none.
  base::Result<std::map<std::int32_t, core::PartitionInfo>> Topic(const std::string& name);

  static constexpr std::int64_t kEnd = -1, kStart = -2;  // times of ListOffsets
  /// Of each partition the first offset at or after `time` (milliseconds, kEnd or kStart), -1 when there is none.
  /// Partitions that have no leader are left out.
  base::Result<std::map<core::TopicPartition, std::int64_t>> Offsets(const Layouts& layouts, std::int64_t time);

  /// Sends an admin request and waits for its result.
  using Request = std::function<void(rd_kafka_t*, const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>;
  enum class Mode { kDo, kOnlyValidate };
  base::Result<Event> Ask(rd_kafka_admin_op_t operation, std::string_view what, const Request& request,
                          Mode mode = Mode::kDo);

  const Client& client() const { return *client_; }

 private:
  explicit AdminClient(std::unique_ptr<Client> client) : client_(std::move(client)) {}
  base::Result<Layouts> Metadata(const std::string* topic);

  const std::unique_ptr<Client> client_;
};

}  // namespace millrace::kafka
