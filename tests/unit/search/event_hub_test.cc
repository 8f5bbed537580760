#include "search/event_hub.h"

#include <gtest/gtest.h>

namespace millrace::search {
namespace {

core::DocumentEvent Event(core::DocumentId id) {
  core::DocumentEvent event;
  event.document_id = id;
  return event;
}

TEST(EventHub, SignalsOnceABatch) {
  EventHub hub;
  int signals = 0;
  const auto subscription = hub.Subscribe(std::nullopt, [&] { ++signals; });
  hub.Publish({Event(1), Event(2)});
  hub.Publish({Event(3)});
  EXPECT_EQ(signals, 1);
  EXPECT_EQ(subscription->Take().events.size(), 3U);
  hub.Publish({Event(4)});
  EXPECT_EQ(signals, 2);
}

TEST(EventHub, FiltersByDocument) {
  EventHub hub;
  int signals = 0;
  const auto subscription = hub.Subscribe(7, [&] { ++signals; });
  hub.Publish({Event(1)});
  EXPECT_EQ(signals, 0);
  hub.Publish({Event(7), Event(8)});
  EXPECT_EQ(signals, 1);
  const auto batch = subscription->Take();
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events.front().document_id, 7);
}

TEST(EventHub, ASlowWatcherLosesTheOldestAndIsTold) {
  EventHub hub;
  const auto subscription = hub.Subscribe(std::nullopt, [] {});
  std::vector<core::DocumentEvent> events;
  for (std::size_t i = 0; i < EventHub::kMaxBuffered + 5; ++i)
    events.push_back(Event(static_cast<core::DocumentId>(i)));
  hub.Publish(events);
  const auto batch = subscription->Take();
  EXPECT_EQ(batch.events.size(), EventHub::kMaxBuffered);
  EXPECT_EQ(batch.dropped, 5U);
  EXPECT_EQ(batch.events.front().document_id, 5);
  EXPECT_EQ(subscription->Take().dropped, 0U);
}

TEST(EventHub, AnEndedSubscriptionIsNotCalled) {
  EventHub hub;
  int signals = 0;
  hub.Subscribe(std::nullopt, [&] { ++signals; });
  hub.Publish({Event(1)});
  EXPECT_EQ(signals, 0);
}

}  // namespace
}  // namespace millrace::search
