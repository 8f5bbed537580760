#include "adapters/sqlite/log_producer.h"

#include <fmt/core.h>

#include <utility>

#include "adapters/sqlite/log_rows.h"

namespace millrace::sqlite {
namespace {

constexpr std::size_t kMaxRecordBytes = 16 << 20;

}  // namespace

base::Result<core::Position> Producer::ProduceOne(Connection& connection, const core::LogRecord& record) {
  const std::string& name = record.position.topic;
  const auto topic = FindTopic(connection, name);
  if (!topic) return base::Error{base::Code::kNotFound, fmt::format("there is no topic {}", name), {}};
  if (SizeOf(record) > kMaxRecordBytes) {
    return base::Error{base::Code::kTooLarge, fmt::format("a record holds at most {} bytes", kMaxRecordBytes), {}};
  }
  const std::int32_t partitions = topic->spec.partitions;
  std::int32_t partition = record.position.partition;
  if (partition >= partitions || partition < -1) {
    return base::Error{base::Code::kNotFound, fmt::format("topic {} has no partition {}", name, partition), {}};
  }
  if (partition == -1 && record.key) partition = core::PartitionForKey(*record.key, partitions);
  if (partition == -1) partition = static_cast<std::int32_t>(keyless_++ % static_cast<std::uint32_t>(partitions));
  return core::Position{name, partition, AppendRecord(connection, topic->id, partition, record)};
}

base::Result<std::vector<base::Result<core::Position>>> Producer::Produce(std::vector<core::LogRecord> records,
                                                                          base::Deadline deadline) {
  using Positions = std::vector<base::Result<core::Position>>;
  if (records.empty()) return Positions();
  return engine_.writer->Run(
      deadline,
      [&](Connection& connection) -> base::Result<Positions> {
        Positions positions;
        positions.reserve(records.size());
        for (const core::LogRecord& record : records) positions.push_back(ProduceOne(connection, record));
        return positions;
      },
      [this] { signal_.Raise(); });
}

}  // namespace millrace::sqlite
