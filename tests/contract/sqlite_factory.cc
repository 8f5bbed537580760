#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "adapters/sqlite/sqlite_store.h"
#include "contract/log_contract.h"
#include "contract/search_statistics_contract.h"
#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

/// A database in a directory of its own.
class TemporaryDatabase {
 public:
  TemporaryDatabase() {
    std::string pattern = (std::filesystem::temp_directory_path() / "millrace-contract-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = pattern;
    Open();
  }
  ~TemporaryDatabase() {
    database_.reset();
    std::filesystem::remove_all(directory_);
  }
  TemporaryDatabase(const TemporaryDatabase&) = delete;
  TemporaryDatabase& operator=(const TemporaryDatabase&) = delete;

  sqlite::SqliteDatabase& get() { return *database_; }
  void Reopen() {
    database_.reset();
    Open();
  }

 private:
  void Open() {
    auto opened =
        sqlite::SqliteDatabase::Open({.directory = directory_, .member_silence = LogFactory().member_silence});
    if (!opened) throw std::runtime_error(opened.error().message);
    database_ = std::move(*opened);
  }

  std::filesystem::path directory_;
  std::unique_ptr<sqlite::SqliteDatabase> database_;
};

class SqliteStoreUnderTest final : public StoreUnderTest {
 public:
  StoreFixture ports() override {
    auto& database = database_.get();
    return {database.documents(),        database.contents(),     database.chunks(),
            database.effects(),          database.dead_letters(), database.reindexer(),
            database.idempotency_keys(), database.traces(),       database.index_feed(),
            database.outbox(),           database.admin()};
  }
  void Reopen() override { database_.Reopen(); }

 private:
  TemporaryDatabase database_;
};

class SqliteLogUnderTest final : public LogUnderTest {
 public:
  core::LogProducer& producer() override { return database_.get().producer(); }
  core::LogAdmin& admin() override { return database_.get().log_admin(); }
  core::GroupAdmin& groups() override { return database_.get().group_admin(); }
  std::unique_ptr<core::LogConsumer> NewConsumer(std::string group) override {
    return database_.get().NewConsumer(std::move(group));
  }
  void Reopen() override { database_.Reopen(); }

 private:
  TemporaryDatabase database_;
};

class SqliteSearchStatisticsUnderTest final : public SearchStatisticsUnderTest {
 public:
  core::SearchStatistics& port() override { return database_.get().search_statistics(); }
  void Reopen() override { database_.Reopen(); }

 private:
  TemporaryDatabase database_;
};

MILLRACE_INSTANTIATE_STORE_CONTRACT((StoreFactory{"sqlite", [] { return std::make_unique<SqliteStoreUnderTest>(); }}));
MILLRACE_INSTANTIATE_LOG_CONTRACT((LogFactory{"sqlite", [] { return std::make_unique<SqliteLogUnderTest>(); }}));
MILLRACE_INSTANTIATE_LOG_RETENTION_CONTRACT((LogFactory{"sqlite",
                                                        [] { return std::make_unique<SqliteLogUnderTest>(); }}));

MILLRACE_INSTANTIATE_SEARCH_STATISTICS_CONTRACT((SearchStatisticsFactory{
    "sqlite", [] { return std::make_unique<SqliteSearchStatisticsUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
