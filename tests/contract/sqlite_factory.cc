#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "adapters/sqlite/sqlite_store.h"
#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

class SqliteUnderTest final : public StoreUnderTest {
 public:
  SqliteUnderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "millrace-contract-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    Reopen();
  }

  ~SqliteUnderTest() override {
    database_.reset();
    std::filesystem::remove_all(directory_);
  }

  StoreFixture ports() override {
    return {database_->documents(),  database_->contents(), database_->chunks(), database_->effects(),
            database_->index_feed(), database_->outbox(),   database_->admin()};
  }

  void Reopen() override {
    database_.reset();
    auto opened = sqlite::SqliteDatabase::Open({.directory = directory_});
    if (!opened) throw std::runtime_error(opened.error().message);
    database_ = std::move(*opened);
  }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<sqlite::SqliteDatabase> database_;
};

const StoreFactory kSqlite{"sqlite", [] { return std::make_unique<SqliteUnderTest>(); }};

MILLRACE_INSTANTIATE_STORE_CONTRACT(kSqlite);

}  // namespace
}  // namespace millrace::contract
