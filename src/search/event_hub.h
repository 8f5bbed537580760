#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "core/document_event.h"

namespace millrace::search {

/// Hands the status changes that this server follows to whoever watches (`/v1/events`). Thread-safe.
/// A watcher that falls more than `kMaxBuffered` events behind loses the oldest and is told so.
class EventHub {
 public:
  static constexpr std::size_t kMaxBuffered = 4096;

  class Subscription {
   public:
    struct Batch {
      std::vector<core::DocumentEvent> events;
      std::size_t dropped = 0;  // lost since the last Take
    };
    /// Never waits.
    Batch Take();

   private:
    friend class EventHub;
    std::mutex mutex_;
    std::deque<core::DocumentEvent> buffered_;
    std::size_t dropped_ = 0;
    bool signalled_ = false;
    std::optional<core::DocumentId> document_;
    std::function<void()> on_ready_;
  };

  /// `on_ready` is called from another thread, must not block, and is called once per batch: again only after a Take.
  /// The subscription ends when the returned pointer goes.
  std::shared_ptr<Subscription> Subscribe(std::optional<core::DocumentId> document, std::function<void()> on_ready);

  void Publish(const std::vector<core::DocumentEvent>& events);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<Subscription>> subscriptions_;
};

}  // namespace millrace::search
