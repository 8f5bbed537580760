#include <algorithm>
#include <chrono>

#include "unit/mysql_store/store_test.h"

/// Connections that the server ends in the middle of a transaction.
namespace millrace::mysql {
namespace {

class MysqlCutOffTest : public MysqlStoreTest {
 protected:
  /// Waits until a statement of another connection begins with `start`, then ends that connection. Again: a newer one.
  void KillWhoRuns(const std::string& start) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
      const auto id = program().Int(
          "SELECT id FROM information_schema.processlist WHERE db = database() AND id > ? AND info LIKE ? LIMIT 1",
          last_, start + "%");
      if (id) {
        program().Execute("KILL " + std::to_string(*id));
        last_ = std::max(last_, *id);
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    FAIL() << "nobody runs " << start;
  }

  std::int64_t last_ = static_cast<std::int64_t>(program().id());  // connections made later have higher ids

  void ExpectNothingOfDocuments() {
    for (const char* table : {"documents", "document_state", "document_versions", "document_contents", "outbox"}) {
      EXPECT_EQ(Count(table), 0) << table;
    }
  }
};

TEST_F(MysqlCutOffTest, AnAcceptThatIsCutOffTwiceLeavesNothing) {
  program().Execute("LOCK TABLES outbox WRITE");  // the last table that it writes
  base::Status status;
  AtOnce({[&] {
            const auto document = Keyed("k", "t", "c");
            const auto accepted = a().documents.Accept({&document, 1}, Soon());
            status = accepted ? base::Status() : base::Status(accepted.error());
          },
          [&] {
            KillWhoRuns("INSERT INTO outbox");
            KillWhoRuns("INSERT INTO outbox");
            program().Execute("UNLOCK TABLES");
          }});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kUnavailable);
  ExpectNothingOfDocuments();
}

TEST_F(MysqlCutOffTest, AnAcceptThatIsCutOffOnceHappensOnce) {
  program().Execute("LOCK TABLES outbox WRITE");
  AtOnce({[&] {
            const auto document = Keyed("k", "t", "c");
            const auto accepted = a().documents.Accept({&document, 1}, Soon());
            EXPECT_TRUE(accepted) << accepted.error().message;
          },
          [&] {
            KillWhoRuns("INSERT INTO outbox");
            program().Execute("UNLOCK TABLES");
          }});
  EXPECT_EQ(Count("documents"), 1);
  EXPECT_EQ(Count("document_state WHERE version = 1"), 1);
  EXPECT_EQ(Count("outbox"), 2);
}

TEST_F(MysqlCutOffTest, APublishThatIsCutOffLeavesTheDocumentAsItWas) {
  const auto id = Accept(Keyless("t", "c"));
  program().Execute("LOCK TABLES outbox WRITE");
  const auto effects = MakeEffects(id, 1, 3);
  bool applied = true;
  AtOnce({[&] {
            applied = b().effects.Publish({&effects, 1}, Soon()).has_value();
          },
          [&] {
            KillWhoRuns("SELECT id, document_id, version FROM outbox");
            KillWhoRuns("SELECT id, document_id, version FROM outbox");
            program().Execute("UNLOCK TABLES");
          }});
  EXPECT_FALSE(applied);
  EXPECT_EQ(Count("embeddings"), 0);
  EXPECT_EQ(a().documents.Get(id)->status, core::DocumentStatus::kQueued);
  const auto again = b().effects.Publish({&effects, 1}, Soon());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->front(), core::Applied::kYes);
}

TEST_F(MysqlCutOffTest, AStaleProcessDoesNotHoldALockForEver) {  // its connection's end frees what it held
  const auto id = Accept(Keyless("t", "c"));
  auto stale = Shared().Connect();
  stale->Execute("START TRANSACTION");
  stale->Run("SELECT document_id FROM document_state WHERE document_id = ? FOR UPDATE", id);
  const auto effects = MakeEffects(id, 1, 1);
  const auto waited = b().effects.Publish({&effects, 1}, base::Deadline::AfterSeconds(0.5));
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code, base::Code::kDeadlineExceeded);
  stale.reset();
  EXPECT_TRUE(b().effects.Publish({&effects, 1}, Soon()));
}

TEST_F(MysqlCutOffTest, ContentUpToThePacketLimitIsTakenWhateverItHolds) {  // quoted, each byte would become two
  const auto limit = static_cast<std::size_t>(*a().admin.MaxContentBytes());
  const auto id = Accept(Keyless("t", std::string(limit, '\'')));
  EXPECT_EQ(Count("documents WHERE length(content) = " + std::to_string(limit)), 1);
  EXPECT_EQ(a().contents.ReadPart(id, 1, 0)->size(), core::ContentStore::kContentPartBytes);
  const auto beyond = Keyless("t", std::string(limit + (64 << 10), 'x'));
  const auto refused = a().documents.Accept({&beyond, 1}, Soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::kTooLarge);
}

}  // namespace
}  // namespace millrace::mysql
