#include "adapters/sqlite/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

using base::Code;
using testing::HasSubstr;

void Ignore(std::int64_t, std::int64_t) {}

class BackupTest : public StoreTest {
 protected:
  std::filesystem::path file() const { return elsewhere_.path() / "backup"; }

  std::int64_t Count() {
    const auto counts = db().documents().Counts();
    return counts->documents_by_status[static_cast<std::size_t>(core::DocumentStatus::kQueued)];
  }

  TemporaryDirectory elsewhere_;
};

TEST_F(BackupTest, IsOneMomentOfAStoreThatIsWrittenTo) {
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Accept(std::string(20'000, 'x')));  // several steps of copying
  std::atomic<bool> stop = false;
  std::atomic<int> accepted = 200;
  std::thread writer([&] {
    while (!stop) {
      EXPECT_TRUE(Accept("text"));
      ++accepted;
    }
  });
  const int before = accepted;
  int steps = 0;
  const auto bytes = WriteBackup(directory_.path(), file(), [&](auto, auto) { ++steps; });
  const int after = accepted + 1;  // one may be on its way to the counter
  stop = true;
  writer.join();
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_GT(*bytes, 4'000'000);
  EXPECT_GE(steps, 1);
  EXPECT_FALSE(std::filesystem::exists(file().string() + ".part"));
  EXPECT_FALSE(std::filesystem::exists(file().string() + "-wal")) << "one file is all";
  const core::StoreIdentity identity = db().admin().Identity().value();
  const auto all = Count();
  Close();

  const auto restored = RestoreBackup(file(), directory_.path(), true, Ignore);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(restored->identity.id, identity.id);
  EXPECT_EQ(restored->identity.epoch, identity.epoch + 1);
  EXPECT_GE(restored->documents, before);
  EXPECT_LE(restored->documents, after);
  EXPECT_EQ(Count(), restored->documents);
  EXPECT_EQ(db().admin().Identity()->epoch, identity.epoch + 1);
  Close();
  ASSERT_TRUE(restored->put_aside);
  std::filesystem::rename(*restored->put_aside, directory_.file());
  EXPECT_EQ(Count(), all) << "what was there is kept whole";
}

TEST_F(BackupTest, RefusesWhatWouldLoseSomething) {
  EXPECT_EQ(WriteBackup(elsewhere_.path(), file(), Ignore).error().code, Code::kNotFound);
  ASSERT_TRUE(Accept("text"));
  ASSERT_TRUE(WriteBackup(directory_.path(), file(), Ignore));
  EXPECT_EQ(WriteBackup(directory_.path(), file(), Ignore).error().code, Code::kConflict) << "the file is there";
  const auto in_use = RestoreBackup(file(), directory_.path(), true, Ignore);
  ASSERT_FALSE(in_use);
  EXPECT_THAT(in_use.error().message, HasSubstr("another millrace"));
  Close();
  EXPECT_EQ(RestoreBackup(file(), directory_.path(), false, Ignore).error().code, Code::kConflict);
  EXPECT_EQ(RestoreBackup(file().string() + "x", directory_.path(), true, Ignore).error().code, Code::kNotFound);
  EXPECT_EQ(Count(), 1);
}

TEST_F(BackupTest, AnEmptyStoreGoesBackAsWell) {
  db();
  ASSERT_TRUE(WriteBackup(directory_.path(), file(), Ignore));
  const auto lost = Accept("text");
  Close();
  ASSERT_TRUE(RestoreBackup(file(), directory_.path(), true, Ignore));
  EXPECT_EQ(Count(), 0);
  EXPECT_GT(Accept("another")->id, lost->id + core::kEpochGap - 1);
}

}  // namespace
}  // namespace millrace::sqlite
