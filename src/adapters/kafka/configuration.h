#pragma once

#include <string>
#include <utility>
#include <vector>

#include "adapters/kafka/kafka_log.h"
#include "base/result.h"

namespace millrace::kafka {

/// librdkafka's property names and values; later ones win.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Refuses what no handle could be made of, and properties that the delivery rules rest on.
base::Status CheckOptions(const KafkaOptions& options);

Settings ProducerSettings(const KafkaOptions& options);
/// An empty group: a reader, which joins none.
Settings ConsumerSettings(const KafkaOptions& options, const std::string& group);
Settings AdminSettings(const KafkaOptions& options);

}  // namespace millrace::kafka
