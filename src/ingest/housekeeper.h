#pragma once

#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/instances.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/store_admin.h"
#include "ingest/retry_topics.h"

namespace millrace::ingest {

/// Each minute, on one of the processes that share the store: publishes again what cannot arrive by itself (DELIVERY
/// §2: deleted topics, expired retention, reset groups), and removes what nobody can ask for any more.
class Housekeeper {
 public:
  struct Ports {
    core::StoreAdmin& store;
    core::Outbox& outbox;
    core::LogAdmin& log;
    core::GroupAdmin& groups;
    core::Instances& instances;
  };

  /// `id` is this process's Instance::id.
  Housekeeper(Ports ports, std::string id, std::vector<RetryTopic> retry_topics, base::Metrics& metrics);
  ~Housekeeper();

  void Start();
  void Stop();

  /// One round, as Start()'s thread runs it; nothing when it is another process's turn.
  base::Status Sweep(core::Timestamp now);

 private:
  base::Status RequeueStranded(core::Timestamp now);
  base::Status RequeueAmong(const std::vector<core::Stalled>& stalled);
  base::Result<bool> RetriesWait(const std::vector<core::TopicInfo>& topics);

  Ports ports_;
  const std::string id_;
  const std::vector<RetryTopic> retry_topics_;
  base::Counter& requeued_;
  core::DocumentId looked_up_to_ = 0;  // of those that wait, which may be more than a round looks at
  base::StopFlag stop_;
  std::thread thread_;
};

}  // namespace millrace::ingest
