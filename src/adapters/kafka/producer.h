#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "adapters/kafka/configuration.h"
#include "core/log.h"

namespace millrace::kafka {

/// Idempotent, acknowledged by all replicas in sync.
class Producer final : public core::LogProducer {
 public:
  static base::Result<std::unique_ptr<Producer>> Open(Settings settings);
  ~Producer() override;

  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override;

 private:
  class Sender;
  Producer(Settings settings, std::shared_ptr<Sender> sender);
  base::Result<std::shared_ptr<Sender>> UsableSender();

  const Settings settings_;
  std::mutex mutex_;
  std::shared_ptr<Sender> sender_;
};

}  // namespace millrace::kafka
