#include "embed/batching_embedder.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>

#include "embed/hash_encoder.h"
#include "unit/embed/fakes.h"

namespace millrace::embed {
namespace {

using base::Code;
using base::Deadline;
using Priority = core::Embedder::Priority;
using std::chrono::milliseconds;
using Vectors = base::Result<std::vector<float>>;
using testing::ElementsAre;
using testing::HasSubstr;

class BatchingEmbedderTest : public testing::Test {
 protected:
  void Start(BatchingOptions options = {}) {
    options.workers = 1;
    embedder_.emplace(encoder_, tokenizer_, metrics_, options);
  }
  ~BatchingEmbedderTest() override { encoder_.Open(); }

  Vectors Embed(std::vector<std::string_view> texts, Priority priority = Priority::kIngest,
                Deadline deadline = Deadline::AfterSeconds(20)) {
    return embedder_->Embed(texts, priority, deadline);
  }
  std::future<Vectors> Later(std::vector<std::string_view> texts, Priority priority = Priority::kIngest,
                             Deadline deadline = Deadline::AfterSeconds(20)) {
    return std::async(std::launch::async, [=, this] { return Embed(texts, priority, deadline); });
  }
  /// Waits until `tokens` wait in the ingest queue, [CLS] and [SEP] included.
  void AwaitIngestTokens(int tokens) {
    const std::string line = "millrace_embed_queue_tokens{priority=\"ingest\"} " + std::to_string(tokens) + "\n";
    for (int i = 0; i < 2000 && metrics_.Render().find(line) == std::string::npos; ++i) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    ASSERT_THAT(metrics_.Render(), HasSubstr(line));
  }

  LetterTokenizer tokenizer_;
  GatedEncoder encoder_;
  base::Metrics metrics_;
  std::optional<BatchingEmbedder> embedder_;
};

TEST_F(BatchingEmbedderTest, VectorsComeInTheOrderOfTheTexts) {
  Start();
  const std::string text_of_40(40, 'x');
  EXPECT_THAT(*Embed({"bcd", text_of_40, "a", "bcde"}), ElementsAre('b', 5, 'x', 42, 'a', 3, 'b', 6));
}

TEST_F(BatchingEmbedderTest, NoTextsGiveNoVectors) {
  Start();
  EXPECT_TRUE(Embed({})->empty());
}

TEST_F(BatchingEmbedderTest, TextsAreFramedAndCutToWhatTheModelTakes) {
  Start();
  const std::string long_text(1000, 'z');
  ASSERT_TRUE(Embed({long_text}));
  const auto ids = encoder_.AwaitBatches(1).at(0).at(0);
  EXPECT_EQ(ids.size(), 256U);
  EXPECT_EQ(ids.front(), 101);
  EXPECT_EQ(ids.back(), 102);
}

TEST_F(BatchingEmbedderTest, TextsOfSeveralCallersShareABatch) {
  encoder_.Close();
  Start();
  auto busy = Later({"first"});
  encoder_.AwaitBatches(1);
  auto one = Later({"ab"}), two = Later({"cd"});
  AwaitIngestTokens(8);
  encoder_.Open();
  EXPECT_THAT(*one.get(), ElementsAre('a', 4));
  EXPECT_THAT(*two.get(), ElementsAre('c', 4));
  EXPECT_EQ(encoder_.AwaitBatches(2).at(1).size(), 2U);
}

TEST_F(BatchingEmbedderTest, AQueryDoesNotWaitForIngestion) {
  encoder_.Close();
  Start();
  auto ingest = Later({"slow", "a much longer text to wait"});
  encoder_.AwaitBatches(1);
  auto query = Later({"quick"}, Priority::kQuery);
  const auto batches = encoder_.AwaitBatches(2);
  ASSERT_EQ(batches.size(), 2U) << "the query waits behind the running ingest batch";
  EXPECT_EQ(batches[1][0][1], 'q');
  encoder_.Open();
  EXPECT_TRUE(query.get());
  EXPECT_TRUE(ingest.get());
}

TEST_F(BatchingEmbedderTest, ABadTextFailsOnlyItsOwnRequest) {
  encoder_.Close();
  Start();
  auto busy = Later({"first"});
  encoder_.AwaitBatches(1);
  auto good = Later({"ab", "cd"}), bad = Later({"ef", "!h"});
  AwaitIngestTokens(16);
  encoder_.Open();
  EXPECT_THAT(*good.get(), ElementsAre('a', 4, 'c', 4));
  const auto failed = bad.get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kInvalidArgument);
  EXPECT_EQ(failed.error().message, "a text that cannot be embedded");
}

TEST_F(BatchingEmbedderTest, AWaitingTextIsDroppedAtItsDeadline) {
  encoder_.Close();
  Start();
  auto busy = Later({"first"});
  encoder_.AwaitBatches(1);
  const auto late = Embed({"late"}, Priority::kIngest, Deadline::After(milliseconds(30)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  AwaitIngestTokens(0);
  encoder_.Open();
  ASSERT_TRUE(busy.get());
  ASSERT_TRUE(Embed({"next"}));
  EXPECT_EQ(encoder_.AwaitBatches(2).size(), 2U) << "the text that nobody waits for was embedded";
}

TEST_F(BatchingEmbedderTest, ACallerWhoseTextIsRunningLeavesAtItsDeadline) {
  encoder_.Close();
  Start();
  const auto late = Embed({"late"}, Priority::kQuery, Deadline::After(milliseconds(30)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  encoder_.Open();
  EXPECT_TRUE(Embed({"next"}, Priority::kQuery));
}

TEST_F(BatchingEmbedderTest, AFullQueueHoldsIngestionAndRefusesQueries) {
  encoder_.Close();
  Start({.ingest_queue = {2, 100}, .query_queue = {2, 100}});
  for (const Priority priority : {Priority::kIngest, Priority::kQuery}) {
    const std::size_t before = encoder_.AwaitBatches(0).size();
    auto running = Later({"first"}, priority);
    encoder_.AwaitBatches(before + 1);
    auto waiting = Later({"ab", "cd"}, priority);
    while (metrics_.Render().find(priority == Priority::kIngest ? "ingest\"} 8\n" : "query\"} 8\n") ==
           std::string::npos) {
      std::this_thread::sleep_for(milliseconds(2));
    }
    const auto refused = Embed({"ef"}, priority, Deadline::After(milliseconds(50)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, priority == Priority::kQuery ? Code::kOverloaded : Code::kDeadlineExceeded);
    encoder_.Open();
    EXPECT_TRUE(waiting.get());
    EXPECT_TRUE(running.get());
    encoder_.Close();
  }
}

TEST_F(BatchingEmbedderTest, AnIngestCallLargerThanTheQueueGoesThrough) {
  Start({.ingest_queue = {3, 50}});
  const std::vector<std::string_view> texts(100, "abc");
  const auto vectors = Embed(texts);
  ASSERT_TRUE(vectors);
  EXPECT_EQ(vectors->size(), 200U);
}

TEST_F(BatchingEmbedderTest, StopFailsWhatWaitsAndLetsTheRunningEnd) {
  encoder_.Close();
  Start({.ingest_queue = {1, 100}});
  auto running = Later({"first"});
  encoder_.AwaitBatches(1);
  auto waiting = Later({"second", "third"});  // one in the queue, one held outside it
  AwaitIngestTokens(8);
  auto stopping = std::async(std::launch::async, [&] { embedder_->Stop(); });
  const auto failed = waiting.get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  encoder_.Open();
  EXPECT_TRUE(running.get());
  stopping.get();
  EXPECT_EQ(Embed({"after"}, Priority::kQuery).error().code, Code::kUnavailable);
  EXPECT_EQ(Embed({"after"}).error().code, Code::kUnavailable);
}

TEST_F(BatchingEmbedderTest, MetricsCountTextsTokensAndCalls) {
  Start();
  ASSERT_TRUE(Embed({"abc", "de"}));
  ASSERT_TRUE(Embed({"f"}, Priority::kQuery));
  const std::string page = metrics_.Render();
  EXPECT_THAT(page, HasSubstr("millrace_embedded_texts_total 3\n"));
  EXPECT_THAT(page, HasSubstr("millrace_embedded_tokens_total 12\n"));
  EXPECT_THAT(page, HasSubstr("millrace_embed_seconds_count{priority=\"ingest\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("millrace_embed_seconds_count{priority=\"query\"} 1\n"));
}

TEST(BatchingEmbedderThreadsTest, ManyCallersGetTheirOwnVectors) {
  const LetterTokenizer tokenizer;
  HashEncoder encoder({.fail_on = {'!'}});
  base::Metrics metrics;
  BatchingEmbedder embedder(encoder, tokenizer, metrics, {.workers = 3, .ingest_queue = {8, 400}});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 8; ++caller) {
    callers.emplace_back([&, caller] {
      HashEncoder reference;
      for (int round = 0; round < 60; ++round) {
        const std::string text(static_cast<std::size_t>(1 + (caller * 31 + round * 7) % 90),
                               static_cast<char>('a' + caller));
        const std::string other = round % 10 == 9 ? "bad!" : text + "x";
        const std::vector<std::string_view> texts = {text, other};
        const auto priority = caller % 2 == 0 ? Priority::kIngest : Priority::kQuery;
        const auto vectors = embedder.Embed(texts, priority, Deadline::AfterSeconds(60));
        if (round % 10 == 9) {
          wrong += vectors.has_value() || vectors.error().code != Code::kInvalidArgument;
          continue;
        }
        std::vector<std::vector<std::int32_t>> ids;
        for (const std::string_view t : texts) {
          ids.push_back({101});
          ids.back().insert(ids.back().end(), t.begin(), t.end());
          ids.back().push_back(102);
        }
        wrong += !vectors || *vectors != *reference.Encode(ids);
      }
    });
  }
  for (auto& thread : callers) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace millrace::embed
