#include <sqlite3.h>

#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class SqliteOutboxTest : public StoreTest {
 protected:
  std::size_t Claimable() {
    const auto rows = db().outbox().Claim(100, 1000, minutes(1));
    EXPECT_TRUE(rows);
    return rows ? rows->size() : 0;
  }

  void AcceptSynchronous() {
    core::NewDocument document;
    document.title = "title";
    document.content = "content";
    document.sync = true;
    ASSERT_TRUE(db().documents().Accept({&document, 1}, Soon()));
  }

  /// As if the rows had been written while the clock was ahead by so much, and it was set back since.
  void SetClockBack(std::chrono::milliseconds by) {
    sqlite3* file = nullptr;
    ASSERT_EQ(sqlite3_open(directory_.file().c_str(), &file), SQLITE_OK);
    sqlite3_busy_timeout(file, 10000);
    const std::string sql = "UPDATE outbox SET created_at = created_at + " + std::to_string(by.count()) +
                            ", due_at = due_at + (due_at > 0) * " + std::to_string(by.count());
    EXPECT_EQ(sqlite3_exec(file, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(file);
  }
};

TEST_F(SqliteOutboxTest, AClockThatIsSetBackHoldsNothingBack) {
  ASSERT_TRUE(Accept("written an hour ahead"));
  SetClockBack(hours(1));
  EXPECT_EQ(Claimable(), 2u);  // upload and event
}

TEST_F(SqliteOutboxTest, AnUploadOfASynchronousVersionIsNotHeldForLongerThanItsDelay) {
  AcceptSynchronous();
  EXPECT_EQ(Claimable(), 1u);  // the event
  SetClockBack(hours(1));
  EXPECT_EQ(Claimable(), 1u);  // the upload
}

TEST_F(SqliteOutboxTest, LeasesEndWithTheProcess) {
  ASSERT_TRUE(Accept("content"));
  EXPECT_EQ(Claimable(), 2u);
  EXPECT_EQ(Claimable(), 0u);
  Close();
  EXPECT_EQ(Claimable(), 2u);
}

TEST_F(SqliteOutboxTest, TheBacklogIsNeverYoungerThanNow) {
  ASSERT_TRUE(Accept("content"));
  SetClockBack(hours(1));
  const auto backlog = db().outbox().Backlog();
  ASSERT_TRUE(backlog);
  EXPECT_EQ(backlog->Age(core::Now()).count(), 0);
}

}  // namespace
}  // namespace millrace::sqlite
