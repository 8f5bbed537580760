#include "adapters/sqlite/writer.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

using base::Code;
using base::Deadline;
using base::Status;

/// A door that bodies wait at.
class Gate {
 public:
  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex_);
    reached_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void AwaitReached() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return reached_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, reached_ = false;
};

class WriterTest : public testing::Test {
 protected:
  WriterTest() {
    auto connection = Connection::Open(directory_.file(), Connection::Mode::kWrite);
    connection->Execute("PRAGMA journal_mode = WAL; CREATE TABLE t(x UNIQUE)");
    writer_ = std::make_unique<Writer>(std::move(connection), 8);
  }

  static Status Insert(Connection& connection, int value) {
    connection.Run("INSERT INTO t VALUES (?1)", value);
    return {};
  }
  Status Insert(int value, Deadline deadline = Soon()) {
    return writer_->Run(deadline, [&](Connection& connection) { return Insert(connection, value); });
  }
  std::int64_t Count() {
    return Connection::Open(directory_.file(), Connection::Mode::kRead)->Int("SELECT count(*) FROM t").value();
  }
  /// Holds the writer inside a body until the gate opens.
  std::thread Hold(Gate& gate) {
    std::thread holder([&] {
      EXPECT_TRUE(writer_->Run(Soon(), [&](Connection&) -> Status {
        gate.Pass();
        return {};
      }));
    });
    gate.AwaitReached();
    return holder;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, WhatFailsGoesBackAloneAndTheRestOfItsBatchIsKept) {
  ASSERT_TRUE(Insert(0));
  Gate gate;
  std::thread holder = Hold(gate);
  std::vector<std::thread> callers;
  std::atomic<int> conflicts = 0;
  for (int i = 1; i <= 6; ++i) {
    callers.emplace_back([&, i] {
      const Status status = writer_->Run(Soon(), [&](Connection& connection) -> Status {
        EXPECT_TRUE(Insert(connection, i * 10));
        return Insert(connection, i % 2 == 0 ? 0 : i);  // even ones collide with the row that is there
      });
      if (!status) ++conflicts;
    });
  }
  gate.Open();
  holder.join();
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(conflicts, 3);
  EXPECT_EQ(Count(), 1 + 3 * 2);
}

TEST_F(WriterTest, AnErrorThatIsNoFailureUndoesTheBodyToo) {
  const Status status = writer_->Run(Soon(), [](Connection& connection) -> Status {
    EXPECT_TRUE(Insert(connection, 1));
    return {Code::kNotFound, "no"};
  });
  EXPECT_EQ(status.error().code, Code::kNotFound);
  EXPECT_EQ(Count(), 0);
}

TEST_F(WriterTest, ATransactionThatABodyLosesIsRunAgainForTheOthers) {
  Gate gate;
  std::thread holder = Hold(gate);
  std::vector<std::thread> callers;
  std::atomic<int> failed = 0;
  for (int i = 1; i <= 6; ++i) {
    callers.emplace_back([&, i] {
      const Status status = writer_->Run(Soon(), [&](Connection& connection) -> Status {
        if (i == 4) connection.Execute("ROLLBACK");  // as SQLite does by itself when the disk is full
        if (i == 4) return {Code::kUnavailable, "full"};
        return Insert(connection, i);
      });
      if (!status) ++failed;
    });
  }
  gate.Open();
  holder.join();
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(Count(), 5);
}

TEST_F(WriterTest, AWriteWhoseCallerLeftBeforeItBeganNeverRuns) {
  Gate gate;
  std::thread holder = Hold(gate);
  bool ran = false;
  const Status status = writer_->Run(Deadline::AfterSeconds(0.05), [&](Connection&) -> Status {
    ran = true;
    return {};
  });
  EXPECT_EQ(status.error().code, Code::kDeadlineExceeded);
  gate.Open();
  holder.join();
  ASSERT_TRUE(Insert(1));  // behind it in the queue
  EXPECT_FALSE(ran);
}

TEST_F(WriterTest, ABodyIsNeverLeftBehindRunning) {
  std::atomic<bool> inside = false;
  const Status status = writer_->Run(Deadline::AfterSeconds(0.02), [&](Connection&) -> Status {
    inside = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    inside = false;
    return {};
  });
  EXPECT_FALSE(inside);
  EXPECT_TRUE(status || status.error().code == Code::kDeadlineExceeded);
}

TEST_F(WriterTest, MoreThanItsBoundIsRefused) {
  Gate gate;
  std::thread holder = Hold(gate);
  std::vector<std::thread> callers;
  std::atomic<int> overloaded = 0;
  for (int i = 0; i < 20; ++i) {
    callers.emplace_back([&, i] {
      const Status status = Insert(i);
      if (!status && status.error().code == Code::kOverloaded) {
        if (++overloaded == 12) gate.Open();
      }
    });
  }
  for (auto& caller : callers) caller.join();
  holder.join();
  EXPECT_EQ(overloaded, 12);
  EXPECT_EQ(Count(), 8);
}

TEST_F(WriterTest, StopRunsWhatIsQueuedAndRefusesTheRest) {
  Gate gate;
  std::thread holder = Hold(gate);
  std::atomic<bool> calling = false;
  std::thread caller([&] {
    calling = true;
    const Status status = Insert(1);  // queued in time, or refused: never lost in between
    EXPECT_EQ(status.has_value(), Count() == 1);
  });
  while (!calling) std::this_thread::yield();
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    gate.Open();
  });
  writer_->Stop();
  EXPECT_EQ(Insert(2).error().code, Code::kUnavailable);
  for (auto* thread : {&holder, &caller, &opener}) thread->join();
}

TEST_F(WriterTest, AfterCommitRunsOnlyAfterASuccess) {
  int told = 0;
  const auto tell = [&] { ++told; };
  ASSERT_TRUE(writer_->Run(
      Soon(), [](Connection& connection) { return Insert(connection, 1); }, tell));
  ASSERT_FALSE(writer_->Run(
      Soon(), [](Connection& connection) { return Insert(connection, 1); }, tell));
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace millrace::sqlite
