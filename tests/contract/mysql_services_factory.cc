#include <memory>
#include <stdexcept>

#include "adapters/mysql/mysql_store.h"
#include "contract/instances_contract.h"
#include "contract/search_statistics_contract.h"
#include "unit/mysql/test_database.h"

namespace millrace::contract {
namespace {

class MysqlUnderTest {
 public:
  MysqlUnderTest() { Open(); }

  mysql::MysqlDatabase& get() { return *opened_; }
  void Open() {
    opened_.reset();
    auto opened = mysql::MysqlDatabase::Open(database_.options());
    if (!opened) throw std::runtime_error(opened.error().message);
    opened_ = std::move(*opened);
  }

 private:
  mysql::TestDatabase database_;
  std::unique_ptr<mysql::MysqlDatabase> opened_;
};

class MysqlInstancesUnderTest final : public InstancesUnderTest {
 public:
  core::Instances& port() override { return database_.get().instances(); }

 private:
  MysqlUnderTest database_;
};

class MysqlSearchStatisticsUnderTest final : public SearchStatisticsUnderTest {
 public:
  core::SearchStatistics& port() override { return database_.get().statistics(); }
  void Reopen() override { database_.Open(); }

 private:
  MysqlUnderTest database_;
};

MILLRACE_INSTANTIATE_INSTANCES_CONTRACT((InstancesFactory{"mysql",
                                                          [] { return std::make_unique<MysqlInstancesUnderTest>(); }}));
MILLRACE_INSTANTIATE_SEARCH_STATISTICS_CONTRACT((SearchStatisticsFactory{
    "mysql", [] { return std::make_unique<MysqlSearchStatisticsUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
