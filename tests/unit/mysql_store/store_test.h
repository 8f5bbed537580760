#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "contract/store_contract.h"
#include "unit/mysql_store/server.h"

namespace millrace::mysql {

using contract::ForeignWork;
using contract::Keyed;
using contract::Keyless;
using contract::MakeEffects;
using contract::OwnWork;
using contract::Soon;

/// Two processes, `a` and `b`, and another program on one database.
class MysqlStoreTest : public testing::Test {
 protected:
  MysqlStoreTest() : a_(Shared().options()), b_(Shared().options()), program_(Shared().Connect()) {}
  ~MysqlStoreTest() override { EmptyStore(Shared()); }
  static void TearDownTestSuite() { shared_.reset(); }

  contract::StoreFixture a() { return a_.ports(); }
  contract::StoreFixture b() { return b_.ports(); }
  Connection& program() { return *program_; }

  core::DocumentId Accept(const core::NewDocument& document) {
    const auto accepted = a().documents.Accept({&document, 1}, Soon());
    EXPECT_TRUE(accepted) << accepted.error().message;
    return accepted ? accepted->front().id : 0;
  }

  std::int64_t Count(const std::string& from) { return program().Int("SELECT count(*) FROM " + from).value_or(-1); }

  static TestDatabase& Shared() {
    if (!shared_) {
      shared_ = std::make_unique<TestDatabase>();
      const Server first(shared_->options());  // makes the tables
    }
    return *shared_;
  }

 private:
  static inline std::unique_ptr<TestDatabase> shared_;

  Server a_, b_;
  std::unique_ptr<Connection> program_;
};

/// Runs the bodies at the same time, until all have ended.
inline void AtOnce(const std::vector<std::function<void()>>& bodies) {
  std::vector<std::thread> threads;
  for (const auto& body : bodies) threads.emplace_back(body);
  for (auto& thread : threads) thread.join();
}

}  // namespace millrace::mysql
