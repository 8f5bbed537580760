#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

using base::Code;
using testing::Test;

void RunSql(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

class OpenTest : public StoreTest {
 protected:
  base::Error OpenError() {
    auto opened = SqliteDatabase::Open(options_);
    return opened ? base::Error{Code::kInternal, "it opened", {}} : opened.error();
  }
};

TEST_F(OpenTest, MakesTheDirectoryWithItsParents) {
  options_.directory = directory_.path() / "a" / "b";
  EXPECT_TRUE(Accept("text"));
  EXPECT_TRUE(std::filesystem::exists(options_.directory / "millrace.db"));
}

TEST_F(OpenTest, ASecondProcessIsToldWhoHasIt) {
  Open();
  const base::Error here = OpenError();  // flock belongs to the open file, so this process is refused like another
  EXPECT_EQ(here.code, Code::kConflict);
  EXPECT_EQ(here.message, "another millrace (pid " + std::to_string(getpid()) + ") uses " + directory_.path().string());
  Close();
  EXPECT_TRUE(SqliteDatabase::Open(options_));
}

TEST_F(OpenTest, ADirectoryThatCannotBeIsOneSentence) {
  std::ofstream(directory_.path() / "file") << "x";
  options_.directory = directory_.path() / "file" / "data";
  const base::Error error = OpenError();
  EXPECT_EQ(error.code, Code::kUnavailable);
  EXPECT_NE(error.message.find("cannot make the directory"), std::string::npos) << error.message;
}

TEST_F(OpenTest, AFileThatIsNoDatabaseIsLeftAlone) {
  const std::string text(20000, 'x');
  std::ofstream(directory_.file()) << text;
  const base::Error error = OpenError();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_NE(error.message.find("not a SQLite database"), std::string::npos) << error.message;
  EXPECT_EQ(std::filesystem::file_size(directory_.file()), text.size());
}

TEST_F(OpenTest, ADatabaseOfAnotherProgramIsLeftAlone) {
  RunSql(directory_.file(), "CREATE TABLE theirs(x)");
  const base::Error error = OpenError();
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_NE(error.message.find("another program"), std::string::npos) << error.message;
}

TEST_F(OpenTest, ANewerSchemaIsRefused) {
  Open();
  Close();
  RunSql(directory_.file(), "PRAGMA user_version = 1000");
  const base::Error error = OpenError();
  EXPECT_EQ(error.code, Code::kInvalidArgument);
  EXPECT_NE(error.message.find("newer millrace (schema 1000"), std::string::npos) << error.message;
}

/// Takes a database back to schema 4.
constexpr const char* kWithoutDeadLetters = R"sql(
    DROP TABLE keyed_requests; DROP TABLE keyed_documents;
    DROP TABLE dead_letters;
    ALTER TABLE outbox DROP COLUMN is_record; ALTER TABLE outbox DROP COLUMN key;
    ALTER TABLE outbox DROP COLUMN headers; ALTER TABLE outbox DROP COLUMN dead_letter;
    ALTER TABLE outbox ADD COLUMN leased_until INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE document_state DROP COLUMN worker; ALTER TABLE document_state DROP COLUMN alone;
    ALTER TABLE document_state DROP COLUMN crashes; ALTER TABLE document_state DROP COLUMN reindexed_version;
    PRAGMA user_version = 4;)sql";

TEST_F(OpenTest, AnOlderSchemaIsBroughtUpToDate) {
  ASSERT_TRUE(db().log_admin().CreateTopic({"short", 2, 1, {}}));
  ASSERT_TRUE(db().log_admin().CreateTopic({"for-ever", 1, 1, {}}));
  ASSERT_TRUE(db().group_admin().ResetOffsets("g", {{{"short", 1}, 0}}));
  Close();
  RunSql(directory_.file(), kWithoutDeadLetters);
  RunSql(directory_.file(), R"sql(
      DROP TABLE search_minutes; DROP TABLE search_latencies; DROP TABLE search_queries; DROP TABLE search_offsets;
      DROP TABLE log_topic_config;
      ALTER TABLE log_topics ADD COLUMN retention_ms INTEGER;
      UPDATE log_topics SET retention_ms = 86400000 WHERE name = 'short';
      ALTER TABLE log_groups ADD COLUMN generation INTEGER NOT NULL DEFAULT 7;
      PRAGMA user_version = 2)sql");
  Open();
  using Config = std::map<std::string, std::string>;
  EXPECT_EQ(db().log_admin().DescribeTopic("short")->spec.config, (Config{{"retention.ms", "86400000"}}));
  EXPECT_EQ(db().log_admin().DescribeTopic("for-ever")->spec.config, Config());
  EXPECT_EQ(db().group_admin().DescribeGroup("g")->committed.at({"short", 1}), 0);
  EXPECT_TRUE(db().NewConsumer("h")->Subscribe({"short"}, {}));  // makes a group
}

TEST_F(OpenTest, WhatAnOlderSchemaOwesIsSentAndCanFail) {
  const auto accepted = Accept("text");
  ASSERT_TRUE(accepted);
  Close();
  RunSql(directory_.file(), kWithoutDeadLetters);
  const auto owed = db().outbox().Claim(10, 100, std::chrono::minutes(1));
  ASSERT_TRUE(owed) << owed.error().message;
  ASSERT_EQ(owed->size(), 2u);
  const std::size_t upload = owed->at(0).topic == core::kUploadsTopic ? 0 : 1;
  EXPECT_FALSE(owed->at(upload).record.has_value());
  EXPECT_EQ(owed->at(upload).content, "text");
  const auto& event = owed->at(1 - upload).record;
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->key, "doc_" + std::to_string(accepted->id));
  EXPECT_NE(event->value.value_or("").find("document.queued"), std::string::npos);

  core::Work work;
  work.id = accepted->id;
  work.version = 1;
  const auto orders = db().effects().Begin({&work, 1}, "worker", Soon());
  ASSERT_TRUE(orders) << orders.error().message;
  EXPECT_EQ(orders->front().verdict, core::WorkOrder::Verdict::kProcess);
  core::Failure failure{accepted->id, 1, {"code", "message", "stage"}, {}, core::DeadLetterDraft()};
  failure.dead_letter->copy.position.topic = core::kDeadLettersTopic;
  ASSERT_TRUE(db().effects().Fail({&failure, 1}, Soon()));
  EXPECT_EQ(db().dead_letters().Count({}).value(), 1);
}

TEST_F(OpenTest, ACleanCloseLeavesOneFileAndKeepsTheIdentity) {
  const auto first = db().admin().Identity();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->id.size(), 32u);
  EXPECT_EQ(first->epoch, 1);
  ASSERT_TRUE(Accept("text"));
  Close();
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "millrace.db-wal"));
  EXPECT_EQ(db().admin().Identity()->id, first->id);
}

TEST_F(OpenTest, ADamagedPageIsFoundAtTheLatestWhenItIsRead) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Accept(std::string(8000, 'x')));
  Close();
  const auto size = std::filesystem::file_size(directory_.file());
  std::fstream file(directory_.file(), std::ios::in | std::ios::out | std::ios::binary);
  for (std::uintmax_t page = 4; page * 8192 < size; ++page) {
    file.seekp(static_cast<std::streamoff>(page * 8192));
    file << std::string(64, '\xff');
  }
  file.close();
  auto opened = SqliteDatabase::Open(options_);
  if (!opened) {
    EXPECT_EQ(opened.error().code, Code::kCorrupt) << opened.error().message;
    return;
  }
  bool corrupt = false;
  for (core::DocumentId id = 1; id <= 50; ++id) {
    const auto part = (*opened)->contents().ReadPart(id, 1, 0);
    corrupt = corrupt || (!part && part.error().code == Code::kCorrupt);
  }
  EXPECT_TRUE(corrupt);
}

TEST_F(OpenTest, AChangedContentIsCorruptNotAnswered) {
  const auto accepted = Accept("the content");
  ASSERT_TRUE(accepted);
  Close();
  RunSql(directory_.file(), "UPDATE document_contents SET data = CAST('the c0ntent' AS BLOB)");
  const auto part = db().contents().ReadPart(accepted->id, 1, 0);
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code, Code::kCorrupt);
}

TEST_F(OpenTest, ClaimsOfADeadProcessAreFree) {
  ASSERT_TRUE(Accept("text"));
  ASSERT_EQ(db().outbox().Claim(10, 100, std::chrono::hours(1))->size(), 2u);
  ASSERT_EQ(db().outbox().Claim(10, 100, std::chrono::hours(1))->size(), 0u);
  Close();
  EXPECT_EQ(db().outbox().Claim(10, 100, std::chrono::hours(1))->size(), 2u);
}

}  // namespace
}  // namespace millrace::sqlite
