#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <string>

#include "admin/status.h"
#include "base/metrics.h"
#include "core/outbox.h"
#include "core/store_admin.h"

namespace millrace::admin {

/// The overview of a server that has everything in one process. Thread-safe.
class EmbeddedOverview final : public Overview {
 public:
  struct Ports {
    core::DocumentStore& documents;
    core::Outbox& outbox;
    core::StoreAdmin& store;
    core::LogAdmin& log;
    core::GroupAdmin& groups;
    core::VectorIndex& index;
    std::function<std::int64_t()> in_flight;
    std::function<Readiness()> readiness;
    std::function<std::string()> index_trouble;  // why the index cannot follow the store; empty when it can
    std::string model;
  };

  EmbeddedOverview(Ports ports, base::Metrics& metrics);

  base::Result<PipelineStatus> Pipeline() override;
  Readiness readiness() const override { return ports_.readiness(); }
  DependencyHealth Health() override;
  std::string mode() const override { return "embedded"; }

 private:
  /// Work done since start, as the metrics count it.
  struct Sample {
    std::chrono::steady_clock::time_point at;
    double documents = 0, chunks = 0, tokens = 0;
  };

  Sample Count() const;
  void FillRates(PipelineStatus& status);
  void ExportGauges();

  Ports ports_;
  base::Metrics& metrics_;
  base::Counter& documents_indexed_;
  base::Counter& documents_failed_;
  base::Counter& chunks_indexed_;
  base::Counter& tokens_embedded_;
  std::mutex mutex_;
  std::deque<Sample> samples_;  // ascending time, over the last 30 s
};

}  // namespace millrace::admin
