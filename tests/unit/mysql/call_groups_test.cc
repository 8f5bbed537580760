#include "adapters/mysql/call_groups.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace millrace::mysql {
namespace {

using Groups = CallGroups<int, std::string>;

base::Deadline Soon() { return base::Deadline::AfterSeconds(20); }

/// Answers each number with its text, as soon as no number of the run is held.
class CallGroupsTest : public testing::Test {
 protected:
  ~CallGroupsTest() override {
    Hold({});
    for (auto& thread : threads_) thread.join();
  }

  Groups::Answers Run(std::span<const int> numbers) {
    std::unique_lock lock(mutex_);
    runs_.emplace_back(numbers.begin(), numbers.end());
    changed_.notify_all();
    const auto held = [this](int number) { return std::count(held_.begin(), held_.end(), number) > 0; };
    changed_.wait(lock, [&] { return std::none_of(numbers.begin(), numbers.end(), held); });
    std::vector<std::string> texts;
    for (const int number : numbers) texts.push_back(std::to_string(number));
    return texts;
  }

  void Call(Groups& groups, std::vector<int> numbers) {
    threads_.emplace_back([this, &groups, numbers] {
      auto answers = groups.Ask(numbers, 0, Soon());
      std::lock_guard lock(mutex_);
      answers_.emplace(numbers, std::move(answers));
      changed_.notify_all();
    });
  }

  void Hold(std::vector<int> numbers) {
    std::lock_guard lock(mutex_);
    held_ = std::move(numbers);
    changed_.notify_all();
  }

  template <typename Condition>
  void Await(Condition condition) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_until(lock, Soon().when(), condition));
  }

  Groups::Run Runner() {
    return [this](std::span<const int> numbers, base::Deadline) { return Run(numbers); };
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> held_;
  std::vector<std::vector<int>> runs_;
  std::map<std::vector<int>, Groups::Answers> answers_;
  std::vector<std::thread> threads_;
};

TEST_F(CallGroupsTest, EachGetsTheAnswersToWhatItAsked) {
  Groups groups({4, 0, 1}, Runner());
  Hold({1});
  Call(groups, {1});
  Await([&] { return runs_.size() == 1; });
  const std::vector<std::vector<int>> calls = {{2, 3}, {3}, {4, 5, 6, 7, 8}, {}, {9, 2}};
  for (const auto& numbers : calls) Call(groups, numbers);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // they wait in a moment
  Hold({});
  Await([&] { return answers_.size() == 6; });
  for (const auto& numbers : calls) {
    std::vector<std::string> texts;
    for (const int number : numbers) texts.push_back(std::to_string(number));
    ASSERT_TRUE(answers_.at(numbers));
    EXPECT_EQ(*answers_.at(numbers), texts);
  }
  for (const auto& run : runs_) EXPECT_TRUE(run.size() <= 4 || run.size() == 5) << run.size();
}

TEST_F(CallGroupsTest, ARunThatIsHeldUpHoldsUpOthersForAMomentOnly) {
  Groups groups({4, 0, 1, std::chrono::milliseconds(20)}, Runner());
  Hold({1});
  Call(groups, {1});
  Await([&] { return runs_.size() == 1; });
  Call(groups, {2});
  Await([&] { return answers_.contains({2}); });
  EXPECT_FALSE(answers_.contains({1}));
  Hold({});
  Await([&] { return answers_.size() == 2; });
}

TEST_F(CallGroupsTest, WithoutPatienceToLoseItWaits) {
  Groups groups({4, 0, 1}, Runner());
  Hold({1});
  Call(groups, {1});
  Await([&] { return runs_.size() == 1; });
  Call(groups, {2});
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(runs_.size(), 1u);
  Hold({});
  Await([&] { return answers_.size() == 2; });
  EXPECT_EQ(runs_.size(), 2u);
}

}  // namespace
}  // namespace millrace::mysql
