#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "base/deadline.h"
#include "base/metrics.h"
#include "base/result.h"

namespace millrace::embed {

class EmbedRequest;

/// One text of a request on its way to the model.
struct QueuedText {
  std::shared_ptr<EmbedRequest> request;
  std::size_t index = 0;          // among the request's texts
  std::vector<std::int32_t> ids;  // as the model wants them, never empty
};

/// Texts that wait for the model, bounded in number and in tokens, handed out in batches of similar length.
/// Thread-safe.
class TextQueue {
 public:
  struct Bounds {
    std::size_t texts;
    std::size_t tokens;
  };

  /// `waiting_tokens` is kept at the tokens queued; it outlives the queue.
  TextQueue(Bounds bounds, base::Gauge& waiting_tokens) : bounds_(bounds), waiting_tokens_(waiting_tokens) {}

  /// Waits for room. kDeadlineExceeded, or kUnavailable when closed. A text larger than the bounds goes in alone.
  base::Status Push(QueuedText text, base::Deadline deadline);

  /// All or none, at once. kOverloaded without room, kUnavailable when closed. What is larger than the bounds goes in
  /// alone.
  base::Status TryPush(std::vector<QueuedText> texts);

  /// Waits for a text; the batch holds the one that waited longest and those nearest to it in length, as far as
  /// padding them all to the longest stays within `max_tokens` and costs less than another batch. Empty when closed.
  std::vector<QueuedText> PopBatch(std::size_t max_tokens);

  /// Takes out what still waits of one request.
  void Remove(const EmbedRequest& request);

  /// From now on nothing goes in or out. The texts that were waiting.
  std::vector<QueuedText> Close();

 private:
  using Order = std::uint64_t;  // of arrival
  using ByLength = std::set<std::pair<std::size_t, Order>>;

  bool HasRoom(std::size_t texts, std::size_t tokens) const;
  void Add(QueuedText text);
  QueuedText Take(Order order);

  const Bounds bounds_;
  base::Gauge& waiting_tokens_;
  std::mutex mutex_;
  std::condition_variable room_, work_;
  std::map<Order, QueuedText> waiting_;
  ByLength by_length_;  // the same texts
  Order next_ = 0;
  std::size_t tokens_ = 0;
  bool closed_ = false;
};

}  // namespace millrace::embed
