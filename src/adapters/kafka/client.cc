#include "adapters/kafka/client.h"

#include <fmt/core.h>
#include <syslog.h>

#include <array>
#include <utility>

#include "adapters/kafka/errors.h"
#include "base/log.h"

namespace millrace::kafka {
namespace {

using Configuration = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
}  // namespace

base::Result<std::unique_ptr<Client>> Client::Open(rd_kafka_type_t type, const Settings& settings,
                                                   ClientCallbacks callbacks) {
  std::unique_ptr<Client> client(new Client(std::move(callbacks)));
  Configuration configuration(rd_kafka_conf_new());
  RETURN_IF_ERROR(client->Configure(configuration.get(), settings));
  Reason reason{};
  client->handle_ = rd_kafka_new(type, configuration.get(), reason.data(), reason.size());
  if (client->handle_ == nullptr) return {base::Code::kInvalidArgument, fmt::format("Kafka client: {}", reason.data())};
  static_cast<void>(configuration.release());  // the handle's now
  // Without a SASL queue (any mechanism but OAUTHBEARER) there is nothing to serve, and that is no failure.
  Fault(rd_kafka_sasl_background_callbacks_enable(client->handle_));
  return client;
}

Client::~Client() {
  if (handle_ != nullptr) rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

base::Status Client::Configure(rd_kafka_conf_t* configuration, const Settings& settings) {
  for (const auto& [name, value] : settings) {
    Reason reason{};
    if (rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), reason.data(), reason.size()) ==
        RD_KAFKA_CONF_OK) {
      continue;
    }
    return {base::Code::kInvalidArgument, fmt::format("Kafka property {}: {}", name, reason.data())};
  }
  rd_kafka_conf_set_opaque(configuration, this);
  rd_kafka_conf_set_log_cb(configuration, OnLog);
  rd_kafka_conf_enable_sasl_queue(configuration, 1);  // tokens are renewed whether or not somebody polls
  if (callbacks_.delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(configuration, callbacks_.delivered);
  if (callbacks_.rebalanced) rd_kafka_conf_set_rebalance_cb(configuration, OnRebalance);
  return {};
}

void Client::OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* line) {
  const std::string_view about = facility;
  if (about == "FAIL" && handle != nullptr) static_cast<Client*>(rd_kafka_opaque(handle))->trouble_.Note(line);
  // Outages are told by the calls that suffer from them, once and in our words.
  if (about == "OFFSET" && level <= LOG_WARNING) {
    base::LogError("offset out of range, reading goes on from the earliest record: {}", line);
  } else if (level <= LOG_WARNING && about != "FAIL" && about != "ERROR" && about != "CONFWARN") {
    base::LogWarning("Kafka client, {}: {}", about, line);
  } else {
    base::LogDebug("Kafka client, {}: {}", about, line);
  }
}

void Client::OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions,
                         void* opaque) {
  static_cast<Client*>(opaque)->callbacks_.rebalanced(error, partitions);
}

base::Error Client::Failed(rd_kafka_resp_err_t error, std::string_view what, std::string_view reason) const {
  std::string cause(reason.empty() ? rd_kafka_err2str(error) : reason);
  if (IsOutage(error)) {
    if (std::string recent = trouble_.Recent(); !recent.empty()) cause = std::move(recent);
  }
  return {CodeOf(error), what.empty() ? cause : fmt::format("{}: {}", what, cause), {}};
}

}  // namespace millrace::kafka
