#include "adapters/mysql/instances.h"

#include <fmt/core.h>

#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>

#include "adapters/mysql/server_clock.h"

namespace millrace::mysql {
namespace {

constexpr std::chrono::hours kForgetAfter{1};  // rows of processes that died without a word

// Lists as lines of `topic partition [offset]`; topics have no spaces.

std::string FormatApplied(const std::map<core::TopicPartition, std::int64_t>& applied) {
  std::string lines;
  for (const auto& [at, offset] : applied) lines += fmt::format("{} {} {}\n", at.topic, at.partition, offset);
  return lines;
}

std::string FormatPartitions(const std::vector<core::TopicPartition>& partitions) {
  std::string lines;
  for (const core::TopicPartition& one : partitions) lines += fmt::format("{} {}\n", one.topic, one.partition);
  return lines;
}

std::map<core::TopicPartition, std::int64_t> ParseApplied(const std::string& lines) {
  std::map<core::TopicPartition, std::int64_t> applied;
  std::istringstream in(lines);
  core::TopicPartition at;
  std::int64_t offset = 0;
  while (in >> at.topic >> at.partition >> offset) applied[at] = offset;
  return applied;
}

std::vector<core::TopicPartition> ParsePartitions(const std::string& lines) {
  std::vector<core::TopicPartition> partitions;
  std::istringstream in(lines);
  core::TopicPartition one;
  while (in >> one.topic >> one.partition) partitions.push_back(one);
  return partitions;
}

std::int64_t Milli(double rate) { return std::llround(rate * 1000); }

}  // namespace

base::Status InstanceRows::Beat(const core::Instance& instance) {
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Status {
    connection.Run(
        "INSERT INTO instances(id, role, url, version, started_at, heartbeat, applied, partitions, "
        "documents_per_1000s, "
        "chunks_per_1000s, tokens_per_1000s, in_flight) "
        "VALUES (?, ?, ?, ?, ?, " MILLRACE_SERVER_NOW
        ", ?, ?, ?, ?, ?, ?) "
        "ON DUPLICATE KEY UPDATE role = VALUES(role), url = VALUES(url), version = VALUES(version), "
        "started_at = VALUES(started_at), heartbeat = VALUES(heartbeat), applied = VALUES(applied), "
        "partitions = VALUES(partitions), documents_per_1000s = VALUES(documents_per_1000s), "
        "chunks_per_1000s = VALUES(chunks_per_1000s), tokens_per_1000s = VALUES(tokens_per_1000s), "
        "in_flight = VALUES(in_flight)",
        instance.id, instance.role, instance.url, instance.version, instance.started_at,
        FormatApplied(instance.applied), FormatPartitions(instance.partitions), Milli(instance.documents_per_second),
        Milli(instance.chunks_per_second), Milli(instance.tokens_per_second), instance.in_flight);
    connection.Run("DELETE FROM instances WHERE heartbeat < " MILLRACE_SERVER_NOW " - ?",
                   std::chrono::milliseconds(kForgetAfter).count());
    return {};
  });
}

base::Status InstanceRows::Leave(const std::string& id) {
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Status {
    connection.Run("DELETE FROM instances WHERE id = ?", id);
    return {};
  });
}

base::Result<std::vector<core::Instance>> InstanceRows::List() {
  return engine_.ReadOne([](Connection& connection) -> base::Result<std::vector<core::Instance>> {
    Statement select(connection,
                     "SELECT id, role, url, version, started_at, heartbeat, applied, partitions, documents_per_1000s, "
                     "chunks_per_1000s, tokens_per_1000s, in_flight FROM instances "
                     "WHERE heartbeat > " MILLRACE_SERVER_NOW " - ? ORDER BY role, started_at, id");
    select.Bind(std::chrono::milliseconds(core::kHeartbeatExpiry).count());
    std::vector<core::Instance> instances;
    while (select.Step()) {
      core::Instance one;
      one.id = select.Text(0);
      one.role = select.Text(1);
      one.url = select.Text(2);
      one.version = select.Text(3);
      one.started_at = select.Time(4);
      one.heartbeat = select.Time(5);
      one.applied = ParseApplied(select.Text(6));
      one.partitions = ParsePartitions(select.Text(7));
      one.documents_per_second = static_cast<double>(select.Int(8)) / 1000;
      one.chunks_per_second = static_cast<double>(select.Int(9)) / 1000;
      one.tokens_per_second = static_cast<double>(select.Int(10)) / 1000;
      one.in_flight = select.Int(11);
      instances.push_back(std::move(one));
    }
    return instances;
  });
}

base::Result<bool> InstanceRows::Acquire(const std::string& name, const std::string& holder,
                                         std::chrono::milliseconds duration) {
  return engine_.Write(engine_.CallDeadline(), [&](Connection& connection) -> base::Result<bool> {
    connection.Run("INSERT IGNORE INTO leases(name, holder, expires_at) VALUES (?, ?, 0)", name, holder);
    return connection.Run("UPDATE leases SET holder = ?, expires_at = " MILLRACE_SERVER_NOW
                          " + ? "
                          "WHERE name = ? AND (holder = ? OR expires_at <= " MILLRACE_SERVER_NOW ")",
                          holder, duration.count(), name, holder) > 0;
  });
}

bool Lives(Connection& connection, const std::string& id) {
  return connection
      .Int("SELECT 1 FROM instances WHERE id = ? AND heartbeat > " MILLRACE_SERVER_NOW " - ?", id,
           std::chrono::milliseconds(core::kHeartbeatExpiry).count())
      .has_value();
}

}  // namespace millrace::mysql
