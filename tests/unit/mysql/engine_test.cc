#include "adapters/mysql/engine.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <thread>
#include <vector>

#include "unit/mysql/test_database.h"

namespace millrace::mysql {
namespace {

using base::Deadline;
using base::Status;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class EngineTest : public testing::Test {
 protected:
  void SetUp() override {
    database_.Execute("CREATE TABLE t(id BIGINT PRIMARY KEY, value BIGINT NOT NULL)");
    database_.Execute("INSERT INTO t VALUES (1, 0), (2, 0)");
    engine_ = Open(database_.options());
  }

  static std::unique_ptr<Engine> Open(const MysqlOptions& options) {
    auto opened = Engine::Open(options);
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }

  static Deadline Soon() { return Deadline::AfterSeconds(20); }
  std::int64_t Value(int id) { return database_.Int("SELECT value FROM t WHERE id = " + std::to_string(id)); }
  static Status Add(Connection& connection, int id) {
    connection.Run("UPDATE t SET value = value + 1 WHERE id = ?", id);
    return {};
  }

  TestDatabase database_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineTest, AnErrorOfTheBodyUndoesIt) {
  const Status status = engine_->Write(Soon(), [](Connection& connection) -> Status {
    RETURN_IF_ERROR(Add(connection, 1));
    return {base::Code::kNotFound, "on second thoughts"};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kNotFound);
  EXPECT_EQ(Value(1), 0);
  EXPECT_TRUE(engine_->Write(Soon(), [](Connection& connection) { return Add(connection, 1); }));
  EXPECT_EQ(Value(1), 1);
}

TEST_F(EngineTest, ADeadlockRunsAgain) {
  std::latch both(2);
  std::atomic<int> runs{0};
  const auto add = [&](int first, int second) {
    bool waited = false;
    const Status status = engine_->Write(Soon(), [&, first, second](Connection& connection) -> Status {
      ++runs;
      RETURN_IF_ERROR(Add(connection, first));
      if (!std::exchange(waited, true)) both.arrive_and_wait();
      return Add(connection, second);
    });
    EXPECT_TRUE(status) << status.error().message;
  };
  std::thread other([&] { add(2, 1); });
  add(1, 2);
  other.join();
  EXPECT_GE(runs, 3);
  EXPECT_EQ(Value(1), 2);
  EXPECT_EQ(Value(2), 2);
}

TEST_F(EngineTest, ARowThatAnotherAddedFirstRunsAgain) {
  std::latch both(2);
  std::atomic<int> added{0}, found{0};
  const auto add = [&] {
    bool waited = false;
    const Status status = engine_->Write(Soon(), [&](Connection& connection) -> Status {
      const bool there = connection.Int("SELECT 1 FROM t WHERE id = 7").has_value();
      if (!std::exchange(waited, true)) both.arrive_and_wait();
      if (!there) connection.Run("INSERT INTO t VALUES (7, 0)");
      ++(there ? found : added);
      return Add(connection, 7);
    });
    EXPECT_TRUE(status) << status.error().message;
  };
  std::thread other(add);
  add();
  other.join();
  EXPECT_EQ(added, 1);
  EXPECT_EQ(found, 1);
  EXPECT_EQ(Value(7), 2);
}

TEST_F(EngineTest, ARowThatIsThereForGoodIsAConflict) {
  const Status status = engine_->Write(Soon(), [](Connection& connection) -> Status {
    connection.Run("INSERT INTO t VALUES (1, 0)");
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kConflict);
}

TEST_F(EngineTest, ALockThatIsHeldTooLongIsWaitedForAgainUntilTheDeadline) {
  std::latch held(1), release(1);
  std::thread holder([&] {
    EXPECT_TRUE(engine_->Write(Soon(), [&](Connection& connection) -> Status {
      RETURN_IF_ERROR(Add(connection, 1));
      held.count_down();
      release.wait();
      return {};
    }));
  });
  held.wait();
  const auto started = std::chrono::steady_clock::now();
  const Status late =
      engine_->Write(Deadline::AfterSeconds(0.5), [](Connection& connection) { return Add(connection, 1); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::Code::kDeadlineExceeded);
  EXPECT_LT(std::chrono::steady_clock::now() - started, seconds(3)) << "the lock wait itself takes three seconds";

  std::thread releaser([&] {
    std::this_thread::sleep_for(seconds(4));
    release.count_down();
  });
  EXPECT_TRUE(engine_->Write(Soon(), [](Connection& connection) { return Add(connection, 1); }));
  releaser.join();
  holder.join();
  EXPECT_EQ(Value(1), 2) << "what came too late was not written";
}

TEST_F(EngineTest, AConnectionLostInTheMiddleRunsAgainOnAnother) {
  int runs = 0;
  const Status status = engine_->Write(Soon(), [&](Connection& connection) -> Status {
    RETURN_IF_ERROR(Add(connection, 1));
    if (++runs == 1) database_.Kill(connection.id());
    return Add(connection, 2);
  });
  EXPECT_TRUE(status) << status.error().message;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Value(1), 1);
  EXPECT_EQ(Value(2), 1);
}

TEST_F(EngineTest, AConnectionThatIsLostEachTimeIsUnavailable) {
  const Status status = engine_->Write(Soon(), [&](Connection& connection) -> Status {
    database_.Kill(connection.id());
    return Add(connection, 1);
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kUnavailable);
  EXPECT_THAT(status.error().message, HasSubstr("was lost"));
  EXPECT_TRUE(engine_->Write(Soon(), [](Connection& connection) { return Add(connection, 1); })) << "it comes back";
}

TEST_F(EngineTest, ACommitWithoutAnAnswerIsNotRepeated) {
  int runs = 0;
  const Status status = engine_->Write(Soon(), [&](Connection& connection) -> Status {
    ++runs;
    const Status added = Add(connection, 1);
    database_.Kill(connection.id());
    return added;
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kUnavailable);
  EXPECT_THAT(status.error().message, HasSubstr("may have happened"));
  EXPECT_EQ(runs, 1);
}

TEST_F(EngineTest, IdleConnectionsThatDiedAreReplaced) {
  std::vector<std::uint64_t> ids(3);
  std::latch all(3);
  std::vector<std::thread> threads;
  for (std::uint64_t& id : ids) {
    threads.emplace_back([&] {
      EXPECT_TRUE(engine_->ReadOne([&](Connection& connection) -> Status {
        id = connection.id();
        all.arrive_and_wait();
        return {};
      }));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::uint64_t id : ids) database_.Kill(id);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(engine_->Read([](Connection& connection) -> base::Result<std::int64_t> {
      return connection.Int("SELECT count(*) FROM t").value_or(-1);
    }));
  }
}

TEST_F(EngineTest, AServerThatDoesNotAnswerEndsWithTheDeadline) {
  const auto started = std::chrono::steady_clock::now();
  const Status status = engine_->Write(Deadline::AfterSeconds(0.4), [](Connection& connection) -> Status {
    connection.Run("DO SLEEP(6)");
    return {};
  });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kDeadlineExceeded);
  const auto took = std::chrono::steady_clock::now() - started;
  EXPECT_GE(took, milliseconds(400));
  EXPECT_LT(took, seconds(5)) << "the statement itself takes six";
  const Status late = engine_->Write(Deadline::Expired(), [](Connection& connection) { return Add(connection, 1); });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::Code::kDeadlineExceeded);
  EXPECT_EQ(Value(1), 0);
}

TEST_F(EngineTest, ThePoolIsBounded) {
  MysqlOptions options = database_.options();
  options.pool_size = 2;
  const auto engine = Open(options);
  std::latch busy(2), release(1);
  std::vector<std::thread> holders;
  for (int i = 0; i < 2; ++i) {
    holders.emplace_back([&] {
      EXPECT_TRUE(engine->ReadOne([&](Connection&) -> Status {
        busy.count_down();
        release.wait();
        return {};
      }));
    });
  }
  busy.wait();
  const Status status =
      engine->Write(Deadline::AfterSeconds(0.2), [](Connection& connection) { return Add(connection, 1); });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kOverloaded);
  release.count_down();
  for (std::thread& holder : holders) holder.join();
  EXPECT_TRUE(engine->Write(Soon(), [](Connection& connection) { return Add(connection, 1); }));
}

TEST_F(EngineTest, AReadSeesOneSnapshot) {
  const auto sums = engine_->Read([&](Connection& connection) -> base::Result<std::int64_t> {
    const std::int64_t before = connection.Int("SELECT sum(value) FROM t").value_or(-1);
    database_.Execute("UPDATE t SET value = value + 10");
    return connection.Int("SELECT sum(value) FROM t").value_or(-1) - before;
  });
  ASSERT_TRUE(sums);
  EXPECT_EQ(*sums, 0);
  const auto differ = engine_->Write(Soon(), [&](Connection& connection) -> base::Result<std::int64_t> {
    const std::int64_t before = connection.Int("SELECT sum(value) FROM t").value_or(-1);
    database_.Execute("UPDATE t SET value = value + 10");
    return connection.Int("SELECT sum(value) FROM t").value_or(-1) - before;
  });
  ASSERT_TRUE(differ);
  EXPECT_EQ(*differ, 20) << "a write decides on what is committed now";
}

TEST_F(EngineTest, ManyThreadsShareIt) {
  constexpr int kThreads = 12, kEach = 20;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        EXPECT_TRUE(engine_->Write(Soon(), [](Connection& connection) { return Add(connection, 1); }));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Value(1), kThreads * kEach);
}

}  // namespace
}  // namespace millrace::mysql
