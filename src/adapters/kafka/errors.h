#pragma once

#include <librdkafka/rdkafka.h>

#include <array>

#include "base/result.h"

namespace millrace::kafka {

using Reason = std::array<char, 512>;  // what librdkafka writes into when a call fails

/// What an error of Kafka or librdkafka means to our callers.
base::Code CodeOf(rd_kafka_resp_err_t error);

/// Worth waiting for: the brokers are away, or busy with each other.
bool IsOutage(rd_kafka_resp_err_t error);

}  // namespace millrace::kafka
