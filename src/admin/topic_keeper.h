#pragma once

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/signal.h"
#include "core/log.h"

namespace millrace::admin {

/// Makes the topics that Millrace needs where they are missing (CONTRACT §2): at start, as soon as the log can be
/// reached, and again when somebody deletes one. An existing topic is left as it is.
class TopicKeeper {
 public:
  TopicKeeper(core::LogAdmin& log, std::vector<core::TopicSpec> topics);
  ~TopicKeeper();

  void Start();
  void Stop();

  /// One look at all of them; those that were made.
  base::Result<std::vector<std::string>> EnsureTopics();

 private:
  base::Result<bool> EnsureTopic(const core::TopicSpec& topic);

  core::LogAdmin& log_;
  const std::vector<core::TopicSpec> topics_;
  std::set<std::string> narrow_;  // those whose missing partitions were said already
  base::StopFlag stop_;
  std::thread thread_;
};

}  // namespace millrace::admin
