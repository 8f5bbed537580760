#include <array>
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

using core::DocumentStatus;
using Verdict = core::WorkOrder::Verdict;

constexpr int kThreads = 8;

void RunThreads(const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back(body, t);
  for (auto& thread : threads) thread.join();
}

TEST_P(StoreConcurrencyContract, AcceptsOfOneKeyMakeOneDocumentAndDenseVersions) {
  constexpr int kEach = 10;
  auto fixture = ports();
  std::array<std::array<core::Accepted, kEach>, kThreads> accepted;
  RunThreads([&](int t) {
    for (int i = 0; i < kEach; ++i) {
      const auto document = Keyed("k", "t", std::to_string(t) + "/" + std::to_string(i));
      const auto result = fixture.documents.Accept({&document, 1}, Soon());
      ASSERT_TRUE(result) << result.error().message;
      accepted[static_cast<std::size_t>(t)][static_cast<std::size_t>(i)] = result->front();
    }
  });
  std::set<core::Version> versions;
  for (const auto& of_thread : accepted) {
    for (const auto& one : of_thread) {
      EXPECT_EQ(one.id, accepted[0][0].id);
      EXPECT_TRUE(versions.insert(one.version).second) << one.version;
    }
  }
  EXPECT_EQ(*versions.begin(), 1);
  EXPECT_EQ(*versions.rbegin(), kThreads * kEach);
  EXPECT_EQ(Get(accepted[0][0].id).version, kThreads * kEach);
}

TEST_P(StoreConcurrencyContract, OnePublishOfAVersionWins) {
  const auto accepted = Accept(Keyless("t", "c"));
  auto fixture = ports();
  std::atomic<int> won = 0;
  RunThreads([&](int t) {
    const auto effects = MakeEffects(accepted.id, 1, t + 1);
    const auto applied = fixture.effects.Publish({&effects, 1}, Soon());
    ASSERT_TRUE(applied) << applied.error().message;
    if (applied->front() == core::Applied::kYes) ++won;
  });
  EXPECT_EQ(won, 1);
  EXPECT_EQ(static_cast<std::int64_t>(ListChunks(accepted.id).size()), Get(accepted.id).chunk_count);
}

TEST_P(StoreConcurrencyContract, OneClaimerGetsARow) {
  for (int i = 0; i < 40; ++i) Accept(Keyless("t", std::to_string(i)));
  auto fixture = ports();
  std::mutex mutex;
  std::multiset<std::int64_t> claimed;
  RunThreads([&](int) {
    while (true) {
      const auto rows = fixture.outbox.Claim(7, 100, std::chrono::minutes(1));
      ASSERT_TRUE(rows) << rows.error().message;
      if (rows->empty()) return;
      std::lock_guard lock(mutex);
      for (const auto& row : *rows) claimed.insert(row.id);
    }
  });
  EXPECT_EQ(claimed.size(), 80u);
  EXPECT_EQ((std::set<std::int64_t>(claimed.begin(), claimed.end()).size()), 80u);
}

/// One client and worker in one, on a few shared keys: no error may come but kNotFound of a delete that lost its race.
void Churn(StoreFixture& fixture, unsigned seed) {
  std::mt19937 random(seed);
  for (int step = 0; step < 40; ++step) {
    const auto document = Keyed("k" + std::to_string(random() % 3), "t", std::to_string(random()));
    const auto accepted = fixture.documents.Accept({&document, 1}, Soon());
    ASSERT_TRUE(accepted) << accepted.error().message;
    const auto [id, version, kind, created_at] = accepted->front();
    const auto work = OwnWork(id, version);
    const auto orders = fixture.effects.Begin({&work, 1}, kWorker, Soon());
    ASSERT_TRUE(orders) << orders.error().message;
    if (orders->front().verdict == Verdict::kProcess) {
      ASSERT_TRUE(fixture.effects.Stage(MakeEffects(id, version, 2), Soon()));
      if (random() % 8 == 0) {
        const core::Failure failure{id, version, {"no_text", "The document has no text.", "chunk"}, {}, {}};
        ASSERT_TRUE(fixture.effects.Fail({&failure, 1}, Soon()));
        continue;
      }
      const auto effects = MakeEffects(id, version, 1, 2);
      // Where the staging was fenced the publish is too; it never sees a gap.
      const auto applied = fixture.effects.Publish({&effects, 1}, Soon());
      ASSERT_TRUE(applied) << applied.error().message;
    }
    const auto entry = fixture.feed.Load({&id, 1});
    ASSERT_TRUE(entry);
    if (entry->front().present) {
      ASSERT_EQ(entry->front().chunk_ids.size(), 3u);
      ASSERT_EQ(entry->front().vectors, MakeEffects(id, entry->front().version, 3).vectors);
    }
    if (random() % 10 == 0) {
      const auto status = fixture.documents.Delete(id, Soon());
      ASSERT_TRUE(status || status.error().code == base::Code::kNotFound);
    }
  }
}

TEST_P(StoreConcurrencyContract, ChurnOnSharedKeysEndsConsistent) {
  auto fixture = ports();
  RunThreads([&](int t) { Churn(fixture, static_cast<unsigned>(t)); });
  Reopen();
  const auto records = ports().documents.List({});
  ASSERT_TRUE(records);
  EXPECT_LE(records->size(), 3u);  // one live document a key
  std::int64_t chunks = 0;
  for (const auto& record : *records) {
    EXPECT_LE(record.indexed_version, record.version);
    EXPECT_EQ(record.status == DocumentStatus::kIndexed, record.indexed_version == record.version);
    EXPECT_EQ(record.chunk_count, record.indexed_version > 0 ? 3 : 0);
    chunks += record.chunk_count;
    for (const auto& chunk : ListChunks(record.id)) EXPECT_EQ(chunk.version, record.indexed_version);
    EXPECT_TRUE(HasBody(record.id, record.version));
  }
  EXPECT_EQ(ports().documents.Counts()->chunks, chunks);
  for (const auto& row : DueUploads()) {  // only what still has to be processed is owed
    const auto record = Get(row.document_id);
    EXPECT_GT(row.version, record.indexed_version);
  }
}

}  // namespace
}  // namespace millrace::contract
