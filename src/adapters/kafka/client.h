#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/kafka/broker_trouble.h"
#include "adapters/kafka/configuration.h"
#include "adapters/kafka/handles.h"
#include "base/result.h"

namespace millrace::kafka {

struct ClientCallbacks {
  void (*delivered)(rd_kafka_t*, const rd_kafka_message_t*, void*) = nullptr;
  std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)> rebalanced;
};

/// One librdkafka handle with its log lines turned into ours. A consumer is closed by its owner before this goes.
class Client {
 public:
  static base::Result<std::unique_ptr<Client>> Open(rd_kafka_type_t type, const Settings& settings,
                                                    ClientCallbacks callbacks = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle() const { return handle_; }

  /// `what` failed, with the brokers' own reason when they are away.
  base::Error Failed(rd_kafka_resp_err_t error, std::string_view what, std::string_view reason = {}) const;

 private:
  explicit Client(ClientCallbacks callbacks) : callbacks_(std::move(callbacks)) {}
  static void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* line);
  static void OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                          void* opaque);
  base::Status Configure(rd_kafka_conf_t* configuration, const Settings& settings);

  const ClientCallbacks callbacks_;
  BrokerTrouble trouble_;
  rd_kafka_t* handle_ = nullptr;
};

}  // namespace millrace::kafka
