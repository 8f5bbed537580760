#include "embed/text_queue.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "embed/embed_request.h"

namespace millrace::embed {
namespace {

using base::Code;
using base::Deadline;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class TextQueueTest : public testing::Test {
 protected:
  QueuedText Text(std::size_t tokens) { return {request_, 0, std::vector<std::int32_t>(tokens, 7)}; }
  base::Status Push(TextQueue& queue, std::size_t tokens, Deadline deadline = Deadline::AfterSeconds(10)) {
    return queue.Push(Text(tokens), deadline);
  }
  static std::vector<std::size_t> Lengths(const std::vector<QueuedText>& batch) {
    std::vector<std::size_t> lengths;
    for (const auto& text : batch) lengths.push_back(text.ids.size());
    return lengths;
  }

  base::Metrics metrics_;
  base::Gauge& gauge_ = metrics_.AddGauge("queue_tokens", "test");
  std::shared_ptr<EmbedRequest> request_ = std::make_shared<EmbedRequest>(1, 1, Deadline::AfterSeconds(10));
  TextQueue queue_{{100, 10000}, gauge_};
};

TEST_F(TextQueueTest, BatchesHoldTheOldestTextAndItsNeighboursInLength) {
  for (const std::size_t tokens : {100, 20, 101, 200, 21, 99, 20}) ASSERT_TRUE(Push(queue_, tokens));
  EXPECT_THAT(Lengths(queue_.PopBatch(512)), UnorderedElementsAre(99, 100, 101));
  EXPECT_THAT(Lengths(queue_.PopBatch(512)), UnorderedElementsAre(20, 20, 21));
  EXPECT_THAT(Lengths(queue_.PopBatch(512)), ElementsAre(200));
}

TEST_F(TextQueueTest, TheBudgetCountsPadding) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Push(queue_, i == 5 ? 51 : 50));
  const auto batch = queue_.PopBatch(204);
  EXPECT_EQ(batch.size(), 4U);
  EXPECT_EQ(queue_.PopBatch(160).size(), 3U);
}

TEST_F(TextQueueTest, ATextBeyondTheBudgetStillRuns) {
  ASSERT_TRUE(Push(queue_, 300));
  EXPECT_THAT(Lengths(queue_.PopBatch(128)), ElementsAre(300));
}

TEST_F(TextQueueTest, AnOddLengthIsNotPassedOver) {
  ASSERT_TRUE(Push(queue_, 37));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Push(queue_, 100));
  EXPECT_THAT(Lengths(queue_.PopBatch(512)), ElementsAre(37));
}

TEST_F(TextQueueTest, PushWaitsForRoomInTokens) {
  TextQueue queue({100, 100}, gauge_);
  ASSERT_TRUE(Push(queue, 80));
  const base::Status full = Push(queue, 30, Deadline::After(milliseconds(30)));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kDeadlineExceeded);
  auto waiting = std::async(std::launch::async, [&] { return Push(queue, 30).has_value(); });
  EXPECT_EQ(waiting.wait_for(milliseconds(30)), std::future_status::timeout);
  EXPECT_EQ(queue.PopBatch(512).size(), 1U);
  EXPECT_TRUE(waiting.get());
}

TEST_F(TextQueueTest, PushWaitsForRoomInTexts) {
  TextQueue queue({2, 1000}, gauge_);
  ASSERT_TRUE(Push(queue, 5));
  ASSERT_TRUE(Push(queue, 5));
  EXPECT_FALSE(Push(queue, 5, Deadline::After(milliseconds(10))));
}

TEST_F(TextQueueTest, TryPushTakesAllOrNone) {
  TextQueue queue({3, 1000}, gauge_);
  ASSERT_TRUE(Push(queue, 5));
  ASSERT_TRUE(Push(queue, 50));
  std::vector<QueuedText> two;
  two.push_back(Text(6));
  two.push_back(Text(6));
  const base::Status full = queue.TryPush(std::move(two));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kOverloaded);
  EXPECT_THAT(Lengths(queue.PopBatch(512)), ElementsAre(5));
}

TEST_F(TextQueueTest, ARequestLargerThanTheQueueGoesInAlone) {
  TextQueue queue({100, 100}, gauge_);
  ASSERT_TRUE(Push(queue, 150));
  EXPECT_FALSE(Push(queue, 1, Deadline::Expired()));
}

TEST_F(TextQueueTest, RemoveTakesOutOneRequestOnlyAndMakesRoom) {
  TextQueue queue({100, 100}, gauge_);
  const auto other = std::make_shared<EmbedRequest>(1, 1, Deadline::AfterSeconds(10));
  ASSERT_TRUE(Push(queue, 60));
  ASSERT_TRUE(queue.Push({other, 0, std::vector<std::int32_t>(40, 7)}, Deadline::AfterSeconds(1)));
  auto waiting = std::async(std::launch::async, [&] { return Push(queue, 60).has_value(); });
  queue.Remove(*request_);
  EXPECT_TRUE(waiting.get());
  EXPECT_THAT(Lengths(queue.PopBatch(512)), ElementsAre(40));
}

TEST_F(TextQueueTest, CloseGivesBackWhatWaitedAndWakesEverybody) {
  TextQueue queue({1, 100}, gauge_);
  ASSERT_TRUE(Push(queue, 10));
  auto pushing = std::async(std::launch::async, [&] { return Push(queue, 10); });
  EXPECT_EQ(pushing.wait_for(milliseconds(20)), std::future_status::timeout);
  EXPECT_EQ(queue.Close().size(), 1U);
  const auto pushed = pushing.get();
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Code::kUnavailable);
  EXPECT_THAT(queue.PopBatch(512), IsEmpty());
}

TEST_F(TextQueueTest, TheGaugeFollowsTheQueue) {
  ASSERT_TRUE(Push(queue_, 30));
  ASSERT_TRUE(Push(queue_, 100));
  EXPECT_THAT(metrics_.Render(), testing::HasSubstr("queue_tokens 130\n"));
  (void)queue_.PopBatch(512);
  EXPECT_THAT(metrics_.Render(), testing::HasSubstr("queue_tokens 100\n"));
}

// What the batches cost against what the texts need, for a queue as ingestion fills it.
TEST_F(TextQueueTest, MixedLengthsArePaddedByLittle) {
  std::uint32_t random = 12345;
  std::size_t needed = 0, padded = 0, batches = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 64; ++i) {
      random = random * 1664525 + 1013904223;
      const std::size_t tokens = 8 + (random >> 16) % 249;
      ASSERT_TRUE(Push(queue_, tokens, Deadline::Expired()) || queue_.PopBatch(512).size() > 0);
      needed += tokens;
    }
    for (int i = 0; i < 64;) {
      const auto batch = queue_.PopBatch(512);
      const auto lengths = Lengths(batch);
      padded += *std::max_element(lengths.begin(), lengths.end()) * lengths.size();
      i += static_cast<int>(lengths.size());
      ++batches;
    }
  }
  EXPECT_LT(static_cast<double>(padded), 1.03 * static_cast<double>(needed));
  EXPECT_LT(batches, 1000U);
}

}  // namespace
}  // namespace millrace::embed
