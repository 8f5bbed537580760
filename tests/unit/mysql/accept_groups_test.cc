#include "adapters/mysql/accept_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "unit/eventually.h"

namespace millrace::mysql {
namespace {

using base::Code;
using Titles = std::vector<std::string>;

base::Deadline Soon() { return base::Deadline::AfterSeconds(20); }

/// A database that answers when it is told to. What it accepts gets the number in its title as its id.
class AcceptGroupsTest : public testing::Test {
 protected:
  ~AcceptGroupsTest() override {
    Open();
    for (auto& thread : threads_) thread.join();
  }

  AcceptGroups::Groups::Answers Run(std::span<const core::NewDocument> documents) {
    Titles titles;
    for (const auto& document : documents) titles.push_back(document.title);
    std::unique_lock lock(mutex_);
    runs_.push_back(titles);
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    std::vector<core::Accepted> accepted;
    for (const auto& title : titles) {
      if (title == failing_) return failure_;
      accepted.push_back({std::stoll(title), 1, core::AcceptKind::kCreated});
    }
    return accepted;
  }

  /// A call on a thread of its own; with its result it goes to `answers_`.
  void Call(int first, int documents = 1, base::Deadline deadline = Soon()) {
    std::vector<core::NewDocument> some;
    for (int i = 0; i < documents; ++i) some.emplace_back().title = std::to_string(first + i);
    CallWith(first, std::move(some), deadline);
  }

  void CallWith(int first, std::vector<core::NewDocument> some, base::Deadline deadline = Soon()) {
    threads_.emplace_back([this, some, first, deadline] {
      ++begun_;
      auto answer = groups_.Accept(some, deadline);
      std::lock_guard lock(mutex_);
      answers_.emplace(first, std::move(answer));
      changed_.notify_all();
    });
  }

  /// Two calls that hold both places, so that later ones wait.
  void Occupy() {
    Call(1);
    Await([&] { return runs_.size() == 1; });
    Call(2);
    Await([&] { return runs_.size() == 2; });
  }

  void Open() {
    std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  template <typename Condition>
  void Await(Condition condition) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_until(lock, Soon().when(), condition));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::vector<Titles> runs_;
  std::map<int, AcceptGroups::Groups::Answers> answers_;
  std::atomic<int> begun_ = 0;
  std::string failing_;
  base::Error failure_{Code::kInvalidArgument, "", {}};
  AcceptGroups groups_{[this](std::span<const core::NewDocument> documents, base::Deadline) { return Run(documents); }};
  std::vector<std::thread> threads_;
};

TEST_F(AcceptGroupsTest, CallsThatComeMeanwhileShareARunAndGetTheirOwnAnswers) {
  Occupy();
  for (int first = 10; first < 200; first += 10) Call(first, 3);
  ASSERT_TRUE(Eventually([&] { return begun_ == 21; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // they have begun, and wait in a moment
  Open();
  Await([&] { return answers_.size() == 21; });
  EXPECT_LT(runs_.size(), 21u);
  for (int first = 10; first < 200; first += 10) {
    const auto& answer = answers_.at(first);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->size(), 3u);
    for (int i = 0; i < 3; ++i) EXPECT_EQ((*answer)[static_cast<std::size_t>(i)].id, first + i);
  }
}

TEST_F(AcceptGroupsTest, WhatOneCannotDoesNotFailTheOthers) {
  Occupy();
  failing_ = "12";
  for (const int first : {10, 11, 12, 13}) Call(first);
  ASSERT_TRUE(Eventually([&] { return begun_ == 6; }));
  Open();
  Await([&] { return answers_.size() == 6; });
  for (const int first : {1, 2, 10, 11, 13}) EXPECT_TRUE(answers_.at(first)) << first;
  ASSERT_FALSE(answers_.at(12));
  EXPECT_EQ(answers_.at(12).error().code, Code::kInvalidArgument);
}

TEST_F(AcceptGroupsTest, ARunThatMayHaveBeenCarriedOutIsNotRunAgain) {
  failing_ = "12";
  for (const auto code : {Code::kUnavailable, Code::kDeadlineExceeded}) {
    {
      std::lock_guard lock(mutex_);
      open_ = false;
      runs_.clear();
      answers_.clear();
      begun_ = 0;
      failure_.code = code;
    }
    Occupy();
    for (const int first : {10, 11, 12, 13}) Call(first);
    ASSERT_TRUE(Eventually([&] { return begun_ == 6; }));
    Open();
    Await([&] { return answers_.size() == 6; });
    int with_it = 0;
    for (const Titles& run : runs_) with_it += std::count(run.begin(), run.end(), "12") > 0 ? 1 : 0;
    EXPECT_EQ(with_it, 1);
    ASSERT_FALSE(answers_.at(12));
    EXPECT_EQ(answers_.at(12).error().code, code);
  }
}

TEST_F(AcceptGroupsTest, WhatMayWaitForLocksOfOthersRunsByItself) {
  Occupy();
  std::vector<core::NewDocument> keyed(1), part(1);
  keyed.front().title = "10";
  keyed.front().key = "k";
  part.front().title = "11";
  part.front().part = core::RequestPart{"request", 0};
  CallWith(10, keyed);
  Await([&] { return runs_.size() == 3; });
  CallWith(11, part);
  Await([&] { return runs_.size() == 4; });
}

TEST_F(AcceptGroupsTest, ALongCallAndOneThatIsNearlyLateWaitForNobody) {
  Occupy();
  Call(100, 300);
  Await([&] { return runs_.size() == 3; });
  Call(1000, 1, base::Deadline::After(std::chrono::milliseconds(1500)));
  Await([&] { return runs_.size() == 4; });
  Open();
  Await([&] { return answers_.size() == 4; });
  for (const auto& [first, answer] : answers_) EXPECT_TRUE(answer) << first;
}

TEST_F(AcceptGroupsTest, ACallWhoseTurnDoesNotComeInTimeIsNotRun) {
  Occupy();
  Call(10, 1, base::Deadline::After(std::chrono::seconds(4)));
  Await([&] { return answers_.contains(10); });
  ASSERT_FALSE(answers_.at(10));
  EXPECT_EQ(answers_.at(10).error().code, Code::kDeadlineExceeded);
  Open();
  Await([&] { return answers_.size() == 3; });
  EXPECT_EQ(runs_.size(), 2u);
}

}  // namespace
}  // namespace millrace::mysql
