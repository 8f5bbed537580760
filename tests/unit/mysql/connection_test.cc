#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>

#include "unit/mysql/test_database.h"

namespace millrace::mysql {
namespace {

using core::Timestamp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

class ConnectionTest : public testing::Test {
 protected:
  TestDatabase database_;
  std::unique_ptr<Connection> connection_ = database_.Connect();
};

TEST_F(ConnectionTest, ValuesComeBackAsTheyWent) {
  connection_->Execute("CREATE TABLE t(i BIGINT, s LONGTEXT, b LONGBLOB, n INT NULL) DEFAULT CHARSET=utf8mb4");
  const std::string bytes("\0\xff'\\\n\x1a", 6);
  const std::string text = "Zürich \xf0\x9f\x8c\x8a 'quoted' \\ \"";
  connection_->Run("INSERT INTO t VALUES (?, ?, ?, ?)", INT64_MIN, text, Blob{bytes}, std::nullopt);
  Statement select(*connection_, "SELECT i, s, b, n FROM t");
  ASSERT_TRUE(select.Step());
  EXPECT_EQ(select.Int(0), INT64_MIN);
  EXPECT_EQ(select.View(1), text);
  EXPECT_EQ(select.View(2), bytes);
  EXPECT_TRUE(select.IsNull(3));
  EXPECT_EQ(select.OptionalText(3), std::nullopt);
  EXPECT_FALSE(select.Step());
}

TEST_F(ConnectionTest, ManyRowsGoInFewStatements) {
  connection_->Execute(
      "CREATE TABLE t(id BIGINT AUTO_INCREMENT PRIMARY KEY, s LONGTEXT, b BLOB, n BIGINT NULL, "
      "at BIGINT) DEFAULT CHARSET=utf8mb4");
  RowInsert insert(*connection_, "INSERT INTO t(s, b, n, at) VALUES");
  const std::string bytes("\0\xff'\\\n\x1a", 6), large(3 << 20, '\'');
  const Timestamp at(milliseconds(1'700'000'000'123));
  for (int i = 0; i < 1000; ++i) insert.Add("Zürich's \\", Blob{bytes}, i == 0 ? std::nullopt : std::optional(i), at);
  insert.Add(large, Blob{""}, -1, at);
  insert.Add(large, Blob{""}, -2, at);
  insert.Flush();
  insert.Flush();
  EXPECT_EQ(connection_->Int("SELECT count(*) FROM t"), 1002);
  EXPECT_EQ(connection_->Int("SELECT count(*) FROM t WHERE s = ? AND b = ? AND at = ?", "Zürich's \\", Blob{bytes}, at),
            1000);
  EXPECT_EQ(connection_->Int("SELECT sum(n) FROM t WHERE n > 0"), 999 * 1000 / 2) << "a sum is a decimal";
  EXPECT_EQ(connection_->Int("SELECT count(*) FROM t WHERE n IS NULL"), 1);
  EXPECT_EQ(connection_->Int("SELECT n FROM t WHERE length(s) = ? ORDER BY n LIMIT 1", large.size()), -2);
}

TEST_F(ConnectionTest, AStatementIsUsedAgainAndAgain) {
  connection_->Execute("CREATE TABLE t(id BIGINT AUTO_INCREMENT PRIMARY KEY, s LONGTEXT)");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(connection_->Run("INSERT INTO t(s) VALUES (?)", std::string(static_cast<std::size_t>(i) * 100'000, 'x')),
              1);
    EXPECT_EQ(connection_->last_insert_id(), i + 1);
  }
  Statement select(*connection_, "SELECT s FROM t WHERE id = ?");
  for (int i = 2; i >= 0; --i) {
    ASSERT_TRUE(select.Bind(i + 1).Step());
    EXPECT_EQ(select.View(0).size(), static_cast<std::size_t>(i) * 100'000);
    Statement nested(*connection_, "SELECT count(*) FROM t");
    EXPECT_TRUE(nested.Step());
  }
  EXPECT_EQ(connection_->Run("UPDATE t SET s = s"), 3) << "matched, though nothing differs";
}

TEST_F(ConnectionTest, TheSessionIsStrictAndInUtc) {
  connection_->Execute("CREATE TABLE t(s VARCHAR(3))");
  EXPECT_THROW(connection_->Run("INSERT INTO t VALUES (?)", "four"), Failure);
  EXPECT_EQ(connection_->Int("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())"), 0);
  EXPECT_GE(connection_->max_packet(), 1u << 20);
}

TEST_F(ConnectionTest, WhatIsTooLargeIsSaidBeforeTheServerHangsUp) {
  const std::string huge(connection_->max_packet() + 1, 'x');
  try {
    connection_->Run("SELECT length(?)", huge);
    FAIL() << "more than max_allowed_packet went through";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, base::Code::kTooLarge);
  }
  EXPECT_EQ(connection_->Int("SELECT 1"), 1) << "the connection is still there";
}

TEST_F(ConnectionTest, AFullTableIsUnavailable) {
  connection_->Execute("SET SESSION max_heap_table_size = 16384; CREATE TABLE t(s CHAR(250)) ENGINE=MEMORY");
  try {
    for (int i = 0; i < 10000; ++i) connection_->Run("INSERT INTO t VALUES ('x')");
    FAIL() << "the table does not fill up";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, base::Code::kUnavailable);
    EXPECT_EQ(failure.kind(), Failure::Kind::kFinal);
    EXPECT_THAT(failure.error().message, HasSubstr("disk may be full"));
  }
}

base::Error LoginError(const MysqlOptions& options) {
  try {
    Connection::Open(options, Connection::Purpose::kCalls);
  } catch (const Failure& failure) {
    return failure.error();
  }
  return {base::Code::kInternal, "it connected", {}};
}

TEST(Login, AWrongPasswordIsSaidPlainly) {
  MysqlOptions options = TestServer();
  options.user = "nobody";
  options.password = "s3cr3t";
  const base::Error error = LoginError(options);
  EXPECT_EQ(error.code, base::Code::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("refuses the user nobody"));
  EXPECT_THAT(error.message, testing::Not(HasSubstr("s3cr3t")));
}

TEST(Login, AMissingDatabaseIsSaidPlainly) {
  MysqlOptions options = TestServer();
  options.database = "millrace_is_not_here";
  const base::Error error = LoginError(options);
  EXPECT_EQ(error.code, base::Code::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr("has no database millrace_is_not_here"));
}

/// A port of this machine: of a server that accepts and then says nothing, or of none.
class SilentServer {
 public:
  explicit SilentServer(bool listens) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    if (listens) {
      EXPECT_EQ(listen(socket_, 4), 0);
    }
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

TEST(Login, NobodyThereIsSaidPlainly) {
  const SilentServer nobody(false);
  MysqlOptions options = TestServer();
  options.port = nobody.port();
  const base::Error error = LoginError(options);
  EXPECT_EQ(error.code, base::Code::kUnavailable);
  EXPECT_THAT(error.message, HasSubstr(options.host + ":" + std::to_string(options.port)));
}

TEST(Login, AServerThatSaysNothingIsGivenUp) {
  const SilentServer silent(true);
  MysqlOptions options = TestServer();
  options.port = silent.port();
  options.connect_timeout = seconds(1);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(LoginError(options).code, base::Code::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - started, seconds(4));
}

}  // namespace
}  // namespace millrace::mysql
