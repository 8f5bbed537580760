#include "ingest/housekeeper.h"

#include <map>
#include <set>
#include <string>

#include "base/log.h"

namespace millrace::ingest {
namespace {

constexpr auto kInterval = std::chrono::seconds(60);
constexpr auto kNoProgress = std::chrono::seconds(60);
constexpr std::size_t kStalledAtOnce = 10'000;

/// What the log can still deliver to the workers: records at or beyond both the log start and the committed offset.
std::map<core::TopicPartition, core::Watermarks> Deliverable(const std::vector<core::TopicInfo>& topics,
                                                             const core::GroupInfo& workers) {
  std::map<core::TopicPartition, core::Watermarks> deliverable;
  for (const core::TopicInfo& topic : topics) {
    for (const auto& [partition, marks] : topic.watermarks) deliverable[{topic.spec.name, partition}] = marks;
  }
  for (const auto& [partition, offset] : workers.committed) {
    if (const auto found = deliverable.find(partition); found != deliverable.end()) {
      found->second.low = std::max(found->second.low, offset);
    }
  }
  return deliverable;
}

}  // namespace

Housekeeper::Housekeeper(core::StoreAdmin& store, core::Outbox& outbox, core::LogAdmin& log,
                         core::GroupAdmin& groups, base::Metrics& metrics)
    : store_(store),
      outbox_(outbox),
      log_(log),
      groups_(groups),
      requeued_(metrics.AddCounter("millrace_documents_requeued_total",
                                   "Documents published again because their message could not arrive any more.")) {}

Housekeeper::~Housekeeper() { Stop(); }

void Housekeeper::Start() {
  thread_ = std::thread([this] {
    while (!stop_.SleepUntil(base::Deadline::After(kInterval))) {
      if (const auto swept = Sweep(core::Now()); !swept) {
        base::LogWarning("housekeeping is put off: {}", swept.error().message);
      }
    }
  });
}

void Housekeeper::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

base::Status Housekeeper::Sweep(core::Timestamp now) {
  RETURN_IF_ERROR(RequeueStranded(now));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto rows, store_.RemoveExpired(now));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto records, log_.ApplyRetention(now));
  return {};
}

base::Status Housekeeper::RequeueStranded(core::Timestamp now) {
  ASSIGN_OR_RETURN(const auto stalled, store_.FindStalled(now - kNoProgress, kStalledAtOnce));
  if (stalled.empty()) return {};
  ASSIGN_OR_RETURN(const auto topics, log_.ListTopics());
  const auto workers = groups_.DescribeGroup(core::kWorkersGroup);
  if (!workers && workers.error().code != base::Code::kNotFound) return workers.error();
  const auto deliverable = Deliverable(topics, workers ? *workers : core::GroupInfo());
  for (const core::Stalled& document : stalled) {
    const auto marks = deliverable.find({document.position.topic, document.position.partition});
    const bool will_arrive = marks != deliverable.end() && document.position.offset >= marks->second.low &&
                             document.position.offset < marks->second.high;
    if (will_arrive) continue;
    RETURN_IF_ERROR(outbox_.Requeue(document.id, document.version));
    requeued_.Add();
    base::LogWarning("document {} version {} is published again: its message cannot arrive any more", document.id,
                     document.version);
  }
  return {};
}

}  // namespace millrace::ingest
