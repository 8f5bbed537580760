#include "adapters/mysql/schema.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "unit/mysql/other_program.h"
#include "unit/mysql/test_database.h"

namespace millrace::mysql {
namespace {

using testing::HasSubstr;

struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed") {}
};

/// One start of the program; it is killed before its `limit`-th change. How many changes there were.
int Start(const TestDatabase& database, int limit = 1'000'000) {
  int changes = 0;
  const auto connection = database.Connect(Connection::Purpose::kMigration);
  const base::Status status = Migrate(*connection, [&](std::string_view) {
    if (++changes == limit) throw Killed();
  });
  EXPECT_TRUE(status) << status.error().message;
  return changes;
}

/// Types, keys and the rules of foreign keys; not the order of columns, nor what indexes a foreign key left behind.
std::string Shape(TestDatabase& database) {
  return database.Text(R"sql(
             SELECT concat_ws(' ', table_name, column_name, column_type, character_set_name, extra)
             FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, column_name)sql") +
         database.Text(R"sql(
             SELECT concat_ws(' ', table_name, index_name, seq_in_index, column_name) FROM information_schema.statistics
             WHERE table_schema = DATABASE() AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index)sql") +
         database.Text(R"sql(
             SELECT concat_ws(' ', table_name, referenced_table_name, delete_rule)
             FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE())sql");
}

void ExpectOtherRows(TestDatabase& database) {
  EXPECT_EQ(database.Text("SELECT concat(id, ' ', title, ' ', content) FROM documents ORDER BY id LIMIT 2"),
            "1 Zürich Der Fluß. Die Brücke.\n2 Oslo Fjord.\n");
  EXPECT_EQ(database.Text("SELECT concat(id, ' ', document_id, ' ', chunk_text, ' ', chunk_index, ' ', redis_key) "
                          "FROM embeddings WHERE version IS NULL AND vector IS NULL ORDER BY id"),
            "1 1 Der Fluß 0 emb:doc1:chunk0\n2 1 Die Brücke. 2 emb:doc1:chunk2\n3 2 Fjord. 0 emb:doc2:chunk0\n");
}

/// What the other program goes on to do.
void ExpectOtherProgramWorks(TestDatabase& database) {
  const std::string large(3 << 20, 'x');
  database.Execute("INSERT INTO documents (title, content) VALUES ('\xf0\x9f\x8c\x8a', '" + large + "')");
  const std::int64_t id = database.Int("SELECT max(id) FROM documents");
  database.Execute(
      fmt::format("INSERT INTO embeddings (document_id, chunk_text, chunk_index, redis_key) VALUES ({0}, 'a', 0, "
                  "'emb:doc{0}:chunk0'),"
                  "({0}, '\xf0\x9f\x8c\x8a', 0, 'emb:doc{0}:chunk0')",
                  id));
  EXPECT_EQ(database.Int(fmt::format("SELECT count(*) FROM embeddings WHERE document_id = {} AND version IS NULL", id)),
            2);
  EXPECT_EQ(
      database.Int(fmt::format("SELECT created_at IS NOT NULL AND length(title) = 4 FROM documents WHERE id = {}", id)),
      1);
  database.Execute(fmt::format("DELETE FROM documents WHERE id = {}", id));
  EXPECT_EQ(database.Int(fmt::format("SELECT count(*) FROM embeddings WHERE document_id = {}", id)), 0);
}

class SchemaTest : public testing::Test {
 protected:
  TestDatabase database_;
};

TEST_F(SchemaTest, AnEmptyDatabaseGetsEveryTable) {
  EXPECT_GT(Start(database_), 10);
  EXPECT_EQ(database_.Int("SELECT length(value) FROM millrace_meta WHERE name = 'store_id'"), 32);
  ExpectOtherProgramWorks(database_);
  const std::string id = database_.Text("SELECT value FROM millrace_meta WHERE name = 'store_id'");
  EXPECT_EQ(Start(database_), 0) << "once";
  EXPECT_EQ(database_.Text("SELECT value FROM millrace_meta WHERE name = 'store_id'"), id);
}

TEST_F(SchemaTest, TablesOfTheOtherProgramAreWidenedInPlace) {
  database_.Execute(kOtherTables);
  database_.Execute(kOtherRows);
  Start(database_);
  ExpectOtherRows(database_);
  ExpectOtherProgramWorks(database_);
  TestDatabase empty;
  Start(empty);
  EXPECT_EQ(Shape(database_), Shape(empty));
}

TEST_F(SchemaTest, OldTablesAreWidenedInPlace) {
  database_.Execute(kOldTables);
  database_.Execute(kOtherRows);
  Start(database_);
  ExpectOtherRows(database_);
  ExpectOtherProgramWorks(database_);
  EXPECT_EQ(database_.Text("SELECT DISTINCT character_set_name FROM information_schema.columns "
                           "WHERE table_schema = DATABASE() AND column_name IN ('title', 'content', 'chunk_text')"),
            "utf8mb4\n");
  EXPECT_EQ(database_.Text("SELECT mood FROM documents WHERE id = 1"), "calm\n") << "columns of others stay";
  EXPECT_EQ(database_.Int("SELECT updated_at IS NOT NULL FROM documents WHERE id = 1"), 1);
  database_.Execute("INSERT INTO documents(content) VALUES ('without a title, as that table allowed')");
}

TEST_F(SchemaTest, ColumnsThatAreWiderStayAsTheyAre) {
  database_.Execute(R"sql(
      CREATE TABLE documents(id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, title VARCHAR(500) CHARACTER SET latin1 NOT NULL,
        content LONGTEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP) CHARSET=utf8mb4;
      CREATE TABLE embeddings(id BIGINT AUTO_INCREMENT PRIMARY KEY, document_id BIGINT UNSIGNED NOT NULL,
        chunk_text LONGTEXT NOT NULL, chunk_index INT NOT NULL, redis_key VARCHAR(255) NOT NULL) CHARSET=utf8mb4;
      INSERT INTO documents(title, content) VALUES ('Zürich', 'a'))sql");
  Start(database_);
  EXPECT_EQ(database_.Text("SELECT column_type FROM information_schema.columns WHERE table_schema = DATABASE() AND "
                           "((table_name = 'documents' AND column_name = 'id') OR column_name = 'document_id') AND "
                           "table_name IN ('documents', 'embeddings') AND column_type NOT LIKE 'bigint%unsigned'"),
            "");
  EXPECT_GE(database_.Int("SELECT character_maximum_length FROM information_schema.columns WHERE table_schema = "
                          "DATABASE() AND table_name = 'documents' AND column_name = 'title'"),
            500);
  EXPECT_EQ(database_.Text("SELECT title FROM documents"), "Zürich\n");
  ExpectOtherProgramWorks(database_);
}

TEST_F(SchemaTest, RowsWithoutADocumentStay) {
  database_.Execute(R"sql(
      CREATE TABLE documents(id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(255) NOT NULL, content TEXT NOT NULL);
      CREATE TABLE embeddings(id INT AUTO_INCREMENT PRIMARY KEY, document_id INT NOT NULL, chunk_text TEXT NOT NULL,
        chunk_index INT NOT NULL, redis_key VARCHAR(255) NOT NULL);
      INSERT INTO embeddings(document_id, chunk_text, chunk_index, redis_key) VALUES (7, 'a', 0, 'emb:doc7:chunk0'))sql");
  Start(database_);
  EXPECT_EQ(database_.Int("SELECT count(*) FROM embeddings"), 1);
}

TEST_F(SchemaTest, TablesOfSomeOtherKindAreRefused) {
  database_.Execute("CREATE TABLE documents(id INT PRIMARY KEY, body TEXT)");
  const auto connection = database_.Connect(Connection::Purpose::kMigration);
  const base::Status status = Migrate(*connection);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
  EXPECT_THAT(status.error().message, HasSubstr("has no column title"));
}

TEST_F(SchemaTest, ANewerMillraceIsRefused) {
  Start(database_);
  database_.Execute("INSERT INTO millrace_migrations(number, applied_at) VALUES (1000, 0)");
  const auto connection = database_.Connect(Connection::Purpose::kMigration);
  const base::Status status = Migrate(*connection);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kInvalidArgument);
}

class CutOffTest : public testing::TestWithParam<const char*> {};

TEST_P(CutOffTest, IsContinuedByTheNextStart) {
  std::string whole;
  int changes = 0;
  {
    TestDatabase database;
    database.Execute(GetParam());
    changes = Start(database);
    whole = Shape(database);
  }
  for (int limit = 1; limit <= changes; ++limit) {
    TestDatabase database;
    database.Execute(GetParam());
    database.Execute(kOtherRows);
    EXPECT_THROW(Start(database, limit), Killed);
    EXPECT_LE(Start(database), changes) << "killed before change " << limit;
    EXPECT_EQ(Shape(database), whole) << "killed before change " << limit;
    ExpectOtherRows(database);
  }
}

INSTANTIATE_TEST_SUITE_P(Schema, CutOffTest, testing::Values(kOtherTables, kOldTables),
                         [](const auto& test) { return test.index == 0 ? "OtherTables" : "OldTables"; });

TEST_F(SchemaTest, OfManyStartsAtOnceOneMakesTheChanges) {
  database_.Execute(kOtherTables);
  database_.Execute(kOtherRows);
  std::vector<int> changes(4);
  std::vector<std::thread> starts;
  for (int& made : changes) starts.emplace_back([&] { made = Start(database_); });
  for (std::thread& start : starts) start.join();
  std::erase(changes, 0);
  EXPECT_EQ(changes.size(), 1u);
  ExpectOtherRows(database_);
  EXPECT_EQ(database_.Int("SELECT count(*) FROM millrace_migrations"), 6);
}

/// Takes a database back to schema 3.
constexpr const char* kWithoutDeadLetters = R"sql(
    DROP TABLE dead_letters;
    ALTER TABLE outbox MODIFY value LONGTEXT NULL, DROP COLUMN is_record, DROP COLUMN record_key, DROP COLUMN headers,
      DROP COLUMN dead_letter;
    ALTER TABLE document_state DROP COLUMN worker, DROP COLUMN alone, DROP COLUMN crashes,
      DROP COLUMN reindexed_version;
    DROP TABLE keyed_requests;
    DROP TABLE keyed_documents;
    DELETE FROM millrace_migrations WHERE number >= 4;)sql";

TEST_F(SchemaTest, AnOlderSchemaIsBroughtUpToDateWhereverItWasCutOff) {
  Start(database_);
  const std::string whole = Shape(database_);
  database_.Execute(kWithoutDeadLetters);
  database_.Execute(
      "INSERT INTO outbox(topic, document_id, version, created_at, due_at, value) "
      "VALUES ('document-events', 1, 1, 0, 0, '{\"é\"}')");
  for (int limit = 1; limit <= 4; ++limit) EXPECT_THROW(Start(database_, limit), Killed) << limit;
  EXPECT_EQ(Start(database_), 6) << "outbox has its columns already";
  EXPECT_EQ(Shape(database_), whole);
  EXPECT_EQ(database_.Text("SELECT hex(value) FROM outbox"), "7B22C3A9227D\n");
  EXPECT_EQ(database_.Int("SELECT is_record FROM outbox"), 0);
  EXPECT_EQ(Start(database_), 0);
}

TEST_F(SchemaTest, IdsAreNotUsedAgain) {
  database_.Execute(kOtherTables);
  database_.Execute(kOtherRows);
  database_.Execute("DELETE FROM documents WHERE id = 3");
  Start(database_);
  database_.Execute("INSERT INTO documents(title, content) VALUES ('a', 'b')");
  EXPECT_EQ(database_.Int("SELECT max(id) FROM documents"), 4) << "widening keeps the counter";
  database_.Execute(
      "INSERT INTO documents(id, title, content) VALUES (5000, 'a', 'b'); DELETE FROM documents WHERE id = 5000");
  database_.Execute("INSERT INTO documents(title, content) VALUES ('a', 'b')");
  EXPECT_EQ(database_.Int("SELECT max(id) FROM documents"), 5001) << "a foreign id pushes it";
}

}  // namespace
}  // namespace millrace::mysql
