#include "admin/topic_keeper.h"

#include <utility>

#include "base/backoff.h"
#include "base/log.h"

namespace millrace::admin {
namespace {

constexpr auto kInterval = std::chrono::seconds(10);

}  // namespace

TopicKeeper::TopicKeeper(core::LogAdmin& log, std::vector<core::TopicSpec> topics)
    : log_(log), topics_(std::move(topics)) {}

TopicKeeper::~TopicKeeper() { Stop(); }

void TopicKeeper::Start() {
  thread_ = std::thread([this] {
    base::Backoff backoff(std::chrono::milliseconds(250), std::chrono::seconds(5));
    do {
      const auto ensured = EnsureTopics();
      if (ensured) {
        backoff.Reset();
        for (const std::string& name : *ensured) base::LogInfo("created topic {}", name);
      } else if (backoff.first_try()) {
        base::LogWarning("the topics cannot be looked at, waiting: {}", ensured.error().message);
      }
      const auto pause = ensured ? std::chrono::milliseconds(kInterval) : backoff.Next();
      if (stop_.SleepUntil(base::Deadline::After(pause))) return;
    } while (true);
  });
}

void TopicKeeper::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

base::Result<std::vector<std::string>> TopicKeeper::EnsureTopics() {
  std::vector<std::string> made;
  for (const core::TopicSpec& topic : topics_) {
    ASSIGN_OR_RETURN(const bool is_new, EnsureTopic(topic));
    if (is_new) made.push_back(topic.name);
  }
  return made;
}

base::Result<bool> TopicKeeper::EnsureTopic(const core::TopicSpec& topic) {
  const auto found = log_.DescribeTopic(topic.name);
  if (found) {
    const auto partitions = static_cast<std::int32_t>(found->partitions.size());
    if (partitions < topic.partitions && narrow_.insert(topic.name).second) {
      base::LogWarning(
          "topic {} has {} partition(s) instead of {}, so that fewer workers share it; "
          "`millrace topics alter {} -p {}` widens it",
          topic.name, partitions, topic.partitions, topic.name, topic.partitions);
    }
    return false;
  }
  if (found.error().code != base::Code::kNotFound) return found.error();
  const auto created = log_.CreateTopic(topic);
  if (created) return true;
  if (created.error().code == base::Code::kConflict) return false;  // another process was faster
  return created.error();
}

}  // namespace millrace::admin
