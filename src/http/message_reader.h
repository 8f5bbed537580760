#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "http/log_position.h"
#include "http/services.h"

namespace millrace::http {

struct MessageQuery {
  std::string topic;
  std::optional<std::int32_t> partition;  // all of them without
  LogStart from = FromBeginning();
  std::size_t limit = 100;
  base::Deadline wait = base::Deadline::Expired();  // for a first message, when there is none yet
};

struct MessagePage {
  std::vector<core::LogRecord> records;
  NextOffsets next;  // where the page after this one begins
};

/// Pages of messages. Each read holds a worker and a reader of the log, so only so many run at a time. Thread-safe.
class MessageReader {
 public:
  explicit MessageReader(const LogServices& log) : log_(log) {}

  /// What is there, else the first that come in time. Pages end early at a few MiB. kNotFound: no such topic or
  /// partition; kOverloaded: too many readers.
  base::Result<MessagePage> Read(const MessageQuery& query, const Request& request);

 private:
  base::Result<MessagePage> ReadFrom(NextOffsets next, const core::TopicDescription& topic, const MessageQuery& query,
                                     const Request& request) const;

  static constexpr int kMaxReaders = 16;

  const LogServices log_;
  std::atomic<int> free_ = kMaxReaders;
};

}  // namespace millrace::http
