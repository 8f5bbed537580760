#include "ingest/housekeeper.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/log.h"

namespace millrace::ingest {
namespace {

constexpr auto kRoundInterval = std::chrono::seconds(60);
constexpr auto kKeeperLease = std::chrono::seconds(90);  // whoever holds it renews it in its next round
constexpr auto kNoProgress = std::chrono::seconds(60);
constexpr std::size_t kStalledAtOnce = 10'000;
constexpr int kLooksARound = 20;  // each takes a part of a second

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

Housekeeper::Housekeeper(Ports ports, std::string id, std::vector<RetryTopic> retry_topics, base::Metrics& metrics)
    : ports_(ports),
      id_(std::move(id)),
      retry_topics_(std::move(retry_topics)),
      requeued_(metrics.AddCounter("millrace_documents_requeued_total",
                                   "Documents published again because their message could not arrive any more.")) {}

Housekeeper::~Housekeeper() { Stop(); }

void Housekeeper::Start() {
  thread_ = std::thread([this] {
    while (!stop_.SleepUntil(base::Deadline::After(kRoundInterval))) {
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
  ASSIGN_OR_RETURN(const bool ours, ports_.instances.Acquire("housekeeper", id_, kKeeperLease));
  if (!ours) return {};
  RETURN_IF_ERROR(RequeueStranded(now));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto rows, ports_.store.RemoveExpired(now));
  ASSIGN_OR_RETURN([[maybe_unused]] const auto records, ports_.log.ApplyRetention(now));
  return {};
}

/// True while a retry topic holds records that somebody will work off: a copy that is overdue may be among them. Where
/// nobody reads, as after the delays were changed, it would lie for ever.
base::Result<bool> Housekeeper::RetriesWait(const std::vector<core::TopicInfo>& topics) {
  for (const RetryTopic& retry : retry_topics_) {
    const auto group = ports_.groups.DescribeGroup(retry.group);
    if (!group && group.error().code != base::Code::kNotFound) return group.error();
    if (!group || group->members.empty()) continue;
    for (const auto& [partition, marks] : Deliverable(topics, *group)) {
      if (partition.topic == retry.name && marks.low < marks.high) return true;
    }
  }
  return false;
}

/// Behind a long backlog each waits for more than a minute, though nothing is lost: the next round goes on where this
/// one ends.
base::Status Housekeeper::RequeueStranded(core::Timestamp now) {
  for (int looks = 0; looks < kLooksARound; ++looks) {
    ASSIGN_OR_RETURN(const auto stalled, ports_.store.FindStalled(now - kNoProgress, looked_up_to_, kStalledAtOnce));
    if (!stalled.empty()) RETURN_IF_ERROR(RequeueAmong(stalled));
    looked_up_to_ = stalled.size() < kStalledAtOnce ? 0 : stalled.back().id;
    if (looked_up_to_ == 0 || stop_.stopping()) break;
  }
  return {};
}

base::Status Housekeeper::RequeueAmong(const std::vector<core::Stalled>& stalled) {
  ASSIGN_OR_RETURN(const auto topics, ports_.log.ListTopics());
  const auto workers = ports_.groups.DescribeGroup(core::kWorkersGroup);
  if (!workers && workers.error().code != base::Code::kNotFound) return workers.error();
  const auto deliverable = Deliverable(topics, workers ? *workers : core::GroupInfo());
  ASSIGN_OR_RETURN(const bool retries_wait, RetriesWait(topics));
  for (const core::Stalled& document : stalled) {
    const auto marks = deliverable.find({document.position.topic, document.position.partition});
    const bool will_arrive = marks != deliverable.end() && document.position.offset >= marks->second.low &&
                             document.position.offset < marks->second.high;
    if (will_arrive || (document.retry_overdue && retries_wait)) continue;
    RETURN_IF_ERROR(ports_.outbox.Requeue(document.id, document.version));
    requeued_.Add();
    base::LogWarning("document {} version {} is published again: its message cannot arrive any more", document.id,
                     document.version);
  }
  return {};
}

}  // namespace millrace::ingest
