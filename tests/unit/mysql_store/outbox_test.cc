#include <chrono>

#include "unit/mysql_store/store_test.h"

namespace millrace::mysql {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::steady_clock;

class MysqlOutboxTest : public MysqlStoreTest {
 protected:
  void AddRows(core::DocumentId first, int documents, int each, core::Timestamp leased_until = {}) {
    RowInsert insert(program(),
                     "INSERT INTO outbox(topic, document_id, version, created_at, due_at, leased_until, value) VALUES");
    for (int version = 1; version <= each; ++version) {
      for (core::DocumentId id = first; id < first + documents; ++id) {
        insert.Add(core::kEventsTopic, id, version, core::Now(), core::Now(), leased_until, "{}");
      }
    }
    insert.Flush();
  }

  /// The fastest of some claims of 500, each given back: what else this machine does slows others.
  milliseconds FastestClaim(std::size_t expected) {
    auto fastest = milliseconds::max();
    for (int i = 0; i < 20; ++i) {
      const auto start = steady_clock::now();
      const auto rows = a().outbox.Claim(500, 1000, minutes(1));
      fastest = std::min(fastest, std::chrono::duration_cast<milliseconds>(steady_clock::now() - start));
      EXPECT_TRUE(rows);
      EXPECT_EQ(rows->size(), expected);
      std::vector<std::int64_t> ids;
      for (const auto& row : *rows) ids.push_back(row.id);
      EXPECT_TRUE(a().outbox.Release(ids));
    }
    return fastest;
  }
};

TEST_F(MysqlOutboxTest, AClaimPassesOverRowsThatAnotherRelayTakesAtThisMoment) {
  for (const char* content : {"one", "two"}) {
    for (int i = 0; i < 10; ++i) Accept(Keyed(std::to_string(i), "t", content));
  }
  const auto lowest = *program().Int("SELECT min(id) FROM outbox");
  program().Execute("START TRANSACTION");
  program().Run("SELECT id FROM outbox WHERE id < ? FOR UPDATE", lowest + 5);
  const auto start = steady_clock::now();
  const auto rows = b().outbox.Claim(100, 1000, minutes(1));
  EXPECT_LT(steady_clock::now() - start, milliseconds(2500)) << "a lock would be waited for three seconds";
  program().Execute("COMMIT");
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->size(), 15u);
  for (const auto& row : *rows) {
    EXPECT_GE(row.id, lowest + 5);
    EXPECT_EQ(row.version, 1);  // also where that row is passed over: the second has to wait
  }
}

TEST_F(MysqlOutboxTest, OnlyItsClaimerGivesARowBack) {
  Accept(Keyless("t", "c"));
  const auto first = a().outbox.Claim(10, 1000, milliseconds(1));
  ASSERT_EQ(first->size(), 2u);
  std::this_thread::sleep_for(milliseconds(5));
  ASSERT_EQ(b().outbox.Claim(10, 1000, minutes(1))->size(), 2u);  // the lease had run out
  std::vector<std::int64_t> ids;
  for (const auto& row : *first) ids.push_back(row.id);
  ASSERT_TRUE(a().outbox.Release(ids));
  EXPECT_TRUE(a().outbox.Claim(10, 1000, minutes(1))->empty());
}

TEST_F(MysqlOutboxTest, AnAcceptThatIsNotCommittedYetIsNotClaimed) {
  program().Execute("START TRANSACTION");
  AddRows(1, 3, 1);
  const auto later = Accept(Keyless("t", "c"));  // its rows have higher ids and are committed first
  const auto rows = b().outbox.Claim(100, 1000, minutes(1));
  ASSERT_EQ(rows->size(), 2u);
  for (const auto& row : *rows) EXPECT_EQ(row.document_id, later);
  program().Execute("COMMIT");
  EXPECT_EQ(b().outbox.Claim(100, 1000, minutes(1))->size(), 3u);  // lower ids, all the same
}

TEST_F(MysqlOutboxTest, AClaimIsCheapHoweverManyRowsWait) {
  AddRows(1, 2'000, 1, core::Now() + minutes(5));  // in flight, before all the others
  AddRows(10'000, 100'000, 1);
  EXPECT_LT(FastestClaim(500), milliseconds(150));
  EXPECT_EQ(a().outbox.Backlog()->rows, 102'000);
}

TEST_F(MysqlOutboxTest, ManyRowsOfFewDocumentsDoNotMakeAClaimCrawl) {
  AddRows(1, 10, 500);
  EXPECT_LT(FastestClaim(10), milliseconds(500));
}

}  // namespace
}  // namespace millrace::mysql
