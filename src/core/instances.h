#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/document.h"
#include "core/log.h"

namespace millrace::core {

inline constexpr std::chrono::seconds kHeartbeatInterval{2};
inline constexpr std::chrono::seconds kHeartbeatExpiry{10};

inline constexpr char kServerRole[] = "server";
inline constexpr char kWorkerRole[] = "worker";

/// A running process of this store (DELIVERY §7).
struct Instance {
  std::string id;       // random, made at each start
  std::string role;     // kServerRole or kWorkerRole
  std::string url;      // where its HTTP API or its metrics are
  std::string version;  // of the program
  Timestamp started_at, heartbeat;
  std::map<TopicPartition, std::int64_t> applied;  // servers: next offset of `document-events` to follow
  std::vector<TopicPartition> partitions;          // workers: those of `document-uploads` that are theirs now
  double documents_per_second = 0, chunks_per_second = 0, tokens_per_second = 0;  // over the last 30 s
  std::int64_t in_flight = 0;                                                     // documents being processed
};

/// Who is there, and who of them does what only one should do. Thread-safe.
class Instances {
 public:
  virtual ~Instances() = default;

  /// Adds or refreshes this process; the store's own clock gives `heartbeat`. Removes those long silent.
  virtual base::Status Beat(const Instance& instance) = 0;
  virtual base::Status Leave(const std::string& id) = 0;  // also when it is not there

  /// Those whose heartbeat is younger than kHeartbeatExpiry, ascending role, start and id.
  virtual base::Result<std::vector<Instance>> List() = 0;

  /// True when `holder` has the lease `name` from now on for `duration`: it was free, expired or its own already.
  virtual base::Result<bool> Acquire(const std::string& name, const std::string& holder,
                                     std::chrono::milliseconds duration) = 0;
};

}  // namespace millrace::core
