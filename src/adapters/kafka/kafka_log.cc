#include "adapters/kafka/kafka_log.h"

#include <utility>

#include "adapters/kafka/admin_client.h"
#include "adapters/kafka/configuration.h"
#include "adapters/kafka/consumer.h"
#include "adapters/kafka/groups.h"
#include "adapters/kafka/producer.h"
#include "adapters/kafka/topics.h"

namespace millrace::kafka {

struct KafkaLog::Parts {
  KafkaOptions options;
  std::unique_ptr<Producer> producer;
  std::unique_ptr<AdminClient> admin;
  Topics topics{*admin};
  Groups groups{*admin};
};

base::Result<std::unique_ptr<KafkaLog>> KafkaLog::Open(KafkaOptions options) {
  RETURN_IF_ERROR(CheckOptions(options));
  ASSIGN_OR_RETURN(auto producer, Producer::Open(ProducerSettings(options)));
  ASSIGN_OR_RETURN(auto admin, AdminClient::Open(AdminSettings(options)));
  std::unique_ptr<Parts> parts(new Parts{std::move(options), std::move(producer), std::move(admin)});
  return std::unique_ptr<KafkaLog>(new KafkaLog(std::move(parts)));
}

KafkaLog::KafkaLog(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

KafkaLog::~KafkaLog() = default;

core::LogProducer& KafkaLog::producer() { return *parts_->producer; }
core::LogAdmin& KafkaLog::admin() { return parts_->topics; }
core::GroupAdmin& KafkaLog::groups() { return parts_->groups; }

std::unique_ptr<core::LogConsumer> KafkaLog::NewConsumer(std::string group) {
  return std::make_unique<Consumer>(parts_->options, std::move(group));
}

base::Status KafkaLog::Probe(std::chrono::milliseconds timeout) { return parts_->admin->Probe(timeout); }

}  // namespace millrace::kafka
