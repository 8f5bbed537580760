#include "search/index_follower.h"

#include "unit/search/search_fixture.h"

namespace millrace::search {
namespace {

TEST(IndexFollower, LoadsTheStoreBeforeItIsReady) {
  SearchFixture f;
  const auto id = f.Add("a", {"1 0", "0 1"});
  EXPECT_FALSE(f.follower.ready());
  ASSERT_TRUE(f.Start());
  EXPECT_EQ(f.index.size().chunks, 2);
  EXPECT_EQ(f.index.Find(id)->version, 1);
}

TEST(IndexFollower, FollowsEvents) {
  SearchFixture f;
  ASSERT_TRUE(f.Start());
  const auto id = f.Add("a", {"1 0"});
  f.Relay();
  ASSERT_TRUE(Eventually([&] { return f.index.Find(id)->version == 1; }));
  ASSERT_TRUE(f.store.documents().Delete(id, base::Deadline::AfterSeconds(5)));
  f.Relay();
  ASSERT_TRUE(Eventually([&] { return f.index.size().chunks == 0; }));
}

TEST(IndexFollower, RefreshNeedsNoEvent) {
  SearchFixture f;
  ASSERT_TRUE(f.Start());
  const auto first = f.Accept("a", "key");
  f.Publish(first, {"1 0"});
  ASSERT_TRUE(f.Refresh(first.id));
  EXPECT_EQ(f.index.Find(first.id)->version, 1);
  const auto second = f.Accept("b", "key");
  f.Publish(second, {"0 1", "1 1"});
  ASSERT_TRUE(f.Refresh(second.id));
  EXPECT_EQ(f.index.Find(first.id)->version, 2);
  EXPECT_EQ(f.index.size().chunks, 2) << "the version before is gone";
}

TEST(IndexFollower, TellsWatchersOnceTheIndexAnswers) {
  SearchFixture f;
  ASSERT_TRUE(f.Start());
  std::atomic<int> ready{0};
  const auto subscription = f.hub.Subscribe(std::nullopt, [&] { ++ready; });
  const auto id = f.Add("a", {"1 0"});
  f.Relay();
  std::vector<core::DocumentStatus> statuses;
  ASSERT_TRUE(Eventually([&] {
    for (const auto& event : subscription->Take().events) {
      EXPECT_EQ(event.document_id, id);
      if (event.status == core::DocumentStatus::kIndexed) {
        EXPECT_EQ(f.index.Find(id)->version, 1);
      }
      statuses.push_back(event.status);
    }
    return !statuses.empty() && statuses.back() == core::DocumentStatus::kIndexed;
  }));
  EXPECT_EQ(statuses.front(), core::DocumentStatus::kQueued);
  EXPECT_TRUE(Eventually([&] { return ready.load() >= 1; }));  // told after the event is there to be taken
}

TEST(IndexFollower, WaitForChangeSeesWhatWasApplied) {
  SearchFixture f;
  ASSERT_TRUE(f.Start());
  const auto id = f.Add("a", {"1 0"});
  std::uint64_t seen = 0;
  ASSERT_TRUE(f.Refresh(id));
  EXPECT_TRUE(f.follower.WaitForChange(seen, base::Deadline::AfterSeconds(5)));
  EXPECT_FALSE(f.follower.WaitForChange(seen, base::Deadline::AfterSeconds(0.01)));
}

}  // namespace
}  // namespace millrace::search
