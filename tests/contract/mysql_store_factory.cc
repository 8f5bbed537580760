#include <memory>
#include <utility>
#include <vector>

#include "contract/store_contract.h"
#include "unit/mysql_store/server.h"

namespace millrace::contract {
namespace {

/// Databases that no test uses at the moment: one is emptied in a fraction of the time that it takes to make one.
std::vector<std::unique_ptr<mysql::TestDatabase>>& Idle() {
  static std::vector<std::unique_ptr<mysql::TestDatabase>> idle;
  return idle;
}

class MysqlStoreUnderTest final : public StoreUnderTest {
 public:
  MysqlStoreUnderTest() {
    if (Idle().empty()) {
      database_ = std::make_unique<mysql::TestDatabase>();
    } else {
      database_ = std::move(Idle().back());
      Idle().pop_back();
    }
    Reopen();
  }
  ~MysqlStoreUnderTest() override {
    server_.reset();
    mysql::EmptyStore(*database_);
    Idle().push_back(std::move(database_));
  }

  StoreFixture ports() override { return server_->ports(); }
  void Reopen() override {
    server_.reset();
    server_ = std::make_unique<mysql::Server>(database_->options());
  }

 private:
  std::unique_ptr<mysql::TestDatabase> database_;
  std::unique_ptr<mysql::Server> server_;
};

MILLRACE_INSTANTIATE_STORE_CONTRACT((StoreFactory{"mysql", [] { return std::make_unique<MysqlStoreUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
