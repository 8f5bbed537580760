#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millrace::ingest {

/// A topic whose records all wait equally long, so that the head of each partition is the next one due.
struct RetryTopic {
  std::string name;   // `document-uploads-retry-5s`
  std::string group;  // `embedding-workers-retry-5s`
  std::chrono::seconds delay{0};
};

inline constexpr char kDefaultRetryDelays[] = "5s,1m,10m";
inline constexpr std::size_t kMaxRetryTopics = 8;

/// Of `5s,1m,10m`: a topic for each, in the order in which a failing record goes through them; none for empty text. The
/// error says what was expected.
base::Result<std::vector<RetryTopic>> ParseRetryDelays(std::string_view text);

}  // namespace millrace::ingest
