#pragma once

#include <thread>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/store_admin.h"

namespace millrace::ingest {

/// Each minute: publishes again what cannot arrive by itself (DELIVERY §2: deleted topics, expired retention, reset
/// groups), and removes what nobody can ask for any more.
class Housekeeper {
 public:
  Housekeeper(core::StoreAdmin& store, core::Outbox& outbox, core::LogAdmin& log, core::GroupAdmin& groups,
              base::Metrics& metrics);
  ~Housekeeper();

  void Start();
  void Stop();

  /// One round, as Start()'s thread runs it.
  base::Status Sweep(core::Timestamp now);

 private:
  base::Status RequeueStranded(core::Timestamp now);

  core::StoreAdmin& store_;
  core::Outbox& outbox_;
  core::LogAdmin& log_;
  core::GroupAdmin& groups_;
  base::Counter& requeued_;
  base::StopFlag stop_;
  std::thread thread_;
};

}  // namespace millrace::ingest
