#include "adapters/mysql/connection.h"

#include <fmt/core.h>
#include <mysql.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "adapters/mysql/errors.h"
#include "adapters/mysql/prepared_statement.h"

namespace millrace::mysql {
namespace {

constexpr std::size_t kMaxIdleStatements = 128;  // servers keep 16,382 for all connections
constexpr unsigned kLoginPacketSeconds = 15;     // backstop of each packet; Watchdog knows the deadlines
constexpr unsigned kMigrationPacketSeconds = 6 * 3600;

/// The library counts in those; rounded down, so that a deadline of two or more is kept.
unsigned Seconds(std::chrono::milliseconds time) {
  return std::max(1U, static_cast<unsigned>(std::chrono::floor<std::chrono::seconds>(time).count()));
}

void SetOption(MYSQL* handle, mysql_option option, const void* value) {
  if (mysql_optionsv(handle, option, value) != 0) {
    throw Failure(
        {base::Code::kInternal, fmt::format("the MySQL client lacks option {}", static_cast<int>(option)), {}});
  }
}

void SetTls(MYSQL* handle, const MysqlTls& tls) {
  const my_bool required = tls.required, verify = tls.required && tls.verify;
  SetOption(handle, MYSQL_OPT_SSL_ENFORCE, &required);
  SetOption(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  if (!tls.required) return;
  if (!tls.ca_file.empty()) SetOption(handle, MYSQL_OPT_SSL_CA, tls.ca_file.c_str());
  if (!tls.certificate_file.empty()) SetOption(handle, MYSQL_OPT_SSL_CERT, tls.certificate_file.c_str());
  if (!tls.key_file.empty()) SetOption(handle, MYSQL_OPT_SSL_KEY, tls.key_file.c_str());
}

}  // namespace

Connection::Connection(std::string server) : server_(std::move(server)) {
  static std::once_flag library;  // mysql_init does it, too, but not for two threads at once
  std::call_once(library, [] { mysql_library_init(0, nullptr, nullptr); });
  handle_ = mysql_init(nullptr);
  if (handle_ == nullptr) throw Failure({base::Code::kOverloaded, "out of memory for a connection to MySQL", {}});
}

Connection::~Connection() {
  mysql_close(handle_);  // first: its statements are then closed without a word to the server
}

std::unique_ptr<Connection> Connection::Open(const MysqlOptions& options, Purpose purpose) {
  std::unique_ptr<Connection> connection(new Connection(fmt::format("{}:{}", options.host, options.port)));
  connection->Login(options, purpose);
  connection->SetUpSession(purpose);
  return connection;
}

void Connection::Login(const MysqlOptions& options, Purpose purpose) {
  const unsigned connect_seconds = Seconds(options.connect_timeout);
  const unsigned packet_seconds = purpose == Purpose::kCalls ? kLoginPacketSeconds : kMigrationPacketSeconds;
  const unsigned tcp = MYSQL_PROTOCOL_TCP;  // also for `localhost`, which would mean a socket file
  SetOption(handle_, MYSQL_OPT_CONNECT_TIMEOUT, &connect_seconds);
  SetOption(handle_, MYSQL_OPT_READ_TIMEOUT, &packet_seconds);
  SetOption(handle_, MYSQL_OPT_WRITE_TIMEOUT, &packet_seconds);
  SetOption(handle_, MYSQL_OPT_PROTOCOL, &tcp);
  SetOption(handle_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  SetTls(handle_, options.tls);
  if (mysql_real_connect(handle_, options.host.c_str(), options.user.c_str(), options.password.c_str(),
                         options.database.empty() ? nullptr : options.database.c_str(), options.port, nullptr,
                         CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS) == nullptr) {
    throw MakeLoginFailure(mysql_errno(handle_), mysql_error(handle_), server_, options);
  }
  is_mariadb_ = mariadb_connection(handle_) != 0;
}

/// The session's own settings, whatever the server's defaults are.
void Connection::SetUpSession(Purpose purpose) {
  const bool calls = purpose == Purpose::kCalls;
  const std::string statement_limit = is_mariadb_
                                          ? fmt::format("max_statement_time = {}", calls ? 8 : 0)
                                          : fmt::format("max_execution_time = {}", calls ? 8000 : 0);  // of SELECT only
  Execute(
      fmt::format("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', "
                  "autocommit = 1, foreign_key_checks = 1, innodb_lock_wait_timeout = {}, lock_wait_timeout = {}, "
                  "{}; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                  calls ? 3 : 50, calls ? 5 : 60, statement_limit));
  id_step_ = Int("SELECT @@auto_increment_increment").value_or(1);  // not 1 where several servers take writes
  max_packet_ = static_cast<std::size_t>(Int("SELECT @@max_allowed_packet").value_or(1 << 20));
}

void Connection::Execute(std::string_view script) {
  if (mysql_real_query(handle_, script.data(), script.size()) != 0) Throw();
  changes_ = 0;
  while (true) {
    MYSQL_RES* const rows = mysql_store_result(handle_);
    if (rows != nullptr) {
      mysql_free_result(rows);
    } else if (mysql_field_count(handle_) != 0) {
      Throw();
    } else {
      changes_ = static_cast<std::int64_t>(mysql_affected_rows(handle_));
      last_insert_id_ = static_cast<std::int64_t>(mysql_insert_id(handle_));
    }
    const int more = mysql_next_result(handle_);
    if (more > 0) Throw();
    if (more < 0) return;
  }
}

bool Connection::TryExecute(std::string_view script) {
  try {
    Execute(script);
    return true;
  } catch (const Failure&) {
    return false;
  }
}

std::uint64_t Connection::id() const { return mysql_thread_id(handle_); }

int Connection::socket() const { return static_cast<int>(mysql_get_socket(handle_)); }

std::unique_ptr<PreparedStatement> Connection::TakeIdle(std::string_view sql) {
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const auto& idle) { return idle->sql == sql; });
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<PreparedStatement> statement = std::move(*found);
  idle_.erase(found);
  return statement;
}

void Connection::GiveBack(std::unique_ptr<PreparedStatement> statement) {
  idle_.push_back(std::move(statement));
  if (idle_.size() > kMaxIdleStatements) idle_.pop_front();
}

void Connection::Throw() const { Throw(mysql_errno(handle_), mysql_error(handle_)); }

void Connection::Throw(unsigned number, const char* text) const { throw MakeFailure(number, text, server_); }

}  // namespace millrace::mysql
