#pragma once

#include <atomic>
#include <vector>

#include "adapters/sqlite/engine.h"
#include "adapters/sqlite/log_signal.h"
#include "core/log.h"

namespace millrace::sqlite {

class Producer final : public core::LogProducer {
 public:
  Producer(Engine& engine, LogSignal& signal) : engine_(engine), signal_(signal) {}

  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override;

 private:
  base::Result<core::Position> ProduceOne(Connection& connection, const core::LogRecord& record);

  Engine& engine_;
  LogSignal& signal_;
  std::atomic<std::uint32_t> keyless_ = 0;  // records without a key go round the partitions
};

}  // namespace millrace::sqlite
