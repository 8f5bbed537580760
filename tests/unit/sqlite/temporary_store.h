#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "adapters/sqlite/sqlite_store.h"

namespace millrace::sqlite {

inline base::Deadline Soon() { return base::Deadline::AfterSeconds(30); }

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "millrace-sqlite-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file() const { return path_ / "millrace.db"; }

 private:
  std::filesystem::path path_;
};

/// A database in a directory of its own, opened by the test or its first use.
class StoreTest : public testing::Test {
 protected:
  SqliteDatabase& db() {
    if (!database_) Open();
    return *database_;
  }

  void Open() {
    auto opened = SqliteDatabase::Open(options_);
    if (!opened) throw std::runtime_error(opened.error().message);
    database_ = std::move(*opened);
  }
  void Close() { database_.reset(); }

  base::Result<core::Accepted> Accept(const std::string& content, std::optional<std::string> key = std::nullopt) {
    core::NewDocument document;
    document.key = std::move(key);
    document.title = "title";
    document.content = content;
    auto accepted = db().documents().Accept({&document, 1}, Soon());
    if (!accepted) return accepted.error();
    return accepted->front();
  }

  TemporaryDirectory directory_;
  SqliteOptions options_{.directory = directory_.path()};

 private:
  std::unique_ptr<SqliteDatabase> database_;
};

}  // namespace millrace::sqlite
