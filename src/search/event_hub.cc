#include "search/event_hub.h"

#include <algorithm>
#include <utility>

namespace millrace::search {

EventHub::Subscription::Batch EventHub::Subscription::Take() {
  std::lock_guard lock(mutex_);
  Batch batch;
  batch.events.assign(std::make_move_iterator(buffered_.begin()), std::make_move_iterator(buffered_.end()));
  batch.dropped = std::exchange(dropped_, 0);
  buffered_.clear();
  signalled_ = false;
  return batch;
}

std::shared_ptr<EventHub::Subscription> EventHub::Subscribe(std::optional<core::DocumentId> document,
                                                            std::function<void()> on_ready) {
  auto subscription = std::make_shared<Subscription>();
  subscription->document_ = document;
  subscription->on_ready_ = std::move(on_ready);
  std::lock_guard lock(mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void EventHub::Publish(const std::vector<core::DocumentEvent>& events) {
  std::vector<std::shared_ptr<Subscription>> watchers;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(subscriptions_, [](const auto& subscription) { return subscription.expired(); });
    for (const auto& subscription : subscriptions_) {
      if (auto watcher = subscription.lock()) watchers.push_back(std::move(watcher));
    }
  }
  for (const auto& watcher : watchers) {
    bool signal = false;
    {
      std::lock_guard lock(watcher->mutex_);
      for (const core::DocumentEvent& event : events) {
        if (watcher->document_ && *watcher->document_ != event.document_id) continue;
        if (watcher->buffered_.size() == kMaxBuffered) {
          watcher->buffered_.pop_front();
          ++watcher->dropped_;
        }
        watcher->buffered_.push_back(event);
      }
      if (!watcher->buffered_.empty()) signal = !std::exchange(watcher->signalled_, true);
    }
    if (signal) watcher->on_ready_();
  }
}

}  // namespace millrace::search
