#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "admin/health_probes.h"
#include "admin/status.h"
#include "base/metrics.h"
#include "core/dead_letters.h"
#include "core/instances.h"
#include "core/outbox.h"

namespace millrace::admin {

/// The state of the whole pipeline, as this server sees it: what the store, the log and its own index hold, and what
/// all live instances say they do. Thread-safe.
class PipelineOverview final : public Overview {
 public:
  struct Ports {
    core::DocumentStore& documents;
    core::DeadLetters& dead_letters;
    core::Outbox& outbox;
    core::LogAdmin& log;
    core::GroupAdmin& groups;
    core::VectorIndex& index;
    core::Instances& instances;
    std::function<core::Instance()> self;  // this process right now: its heartbeat may be 2 s old
    std::function<Readiness()> readiness;
    std::function<std::string()> outage;              // what the pipeline waits for; empty: nothing
    std::map<std::string, Probe> probes;              // by the name that `/health` shows
    std::map<std::string, std::string> retry_groups;  // by retry topic, the group that reads it
    std::string mode;                                 // `embedded` or `cluster`
    std::string model;
  };

  PipelineOverview(Ports ports, base::Metrics& metrics);

  base::Result<PipelineStatus> Pipeline() override;
  base::Result<std::vector<core::Instance>> Instances() override;
  Readiness readiness() const override { return ports_.readiness(); }
  DependencyHealth Health() override;
  std::string mode() const override { return ports_.mode; }

 private:
  /// Of document-uploads and of the retry topics.
  struct Lags {
    std::vector<PartitionLag> main, retries;
  };

  base::Result<Lags> ReadLags();
  void FillLag(PipelineStatus& status);
  base::Status AddLag(const std::string& group, const core::TopicInfo& topic, std::vector<PartitionLag>& lags);
  base::Status FillWork(PipelineStatus& status);
  void ExportGauges();

  Ports ports_;
  base::Metrics& metrics_;
  HealthProbes probes_;
  std::mutex mutex_;
  Lags lags_;           // as read last
  HealthProbes reads_;  // of lags_: the log may take longer than an answer may
};

}  // namespace millrace::admin
