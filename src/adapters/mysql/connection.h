#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/mysql/mysql_store.h"
#include "base/result.h"
#include "core/document.h"

struct st_mysql;

namespace millrace::mysql {

/// What the server refused to do. Thrown inside this adapter only; Engine ends the transaction and turns it into a
/// Result, or runs the transaction again, so that no SQL call in between can be forgotten.
class Failure : public std::exception {
 public:
  enum class Kind {
    kFinal,     // the same again would fail again, for now at least
    kConflict,  // a deadlock, a lock wait that took too long, or a row that another transaction added first: run again
    kLost,      // the connection is gone, and with it the transaction
    kRefused,   // wrong name or password
  };

  explicit Failure(base::Error error, Kind kind = Kind::kFinal) : error_(std::move(error)), kind_(kind) {}
  const char* what() const noexcept override { return error_.message.c_str(); }
  const base::Error& error() const { return error_; }
  Kind kind() const { return kind_; }

 private:
  base::Error error_;
  Kind kind_;
};

/// Bytes bound without a copy: they must outlive the statement's run.
struct Blob {
  std::string_view bytes;
};

inline std::optional<Blob> AsBlob(const std::optional<std::string>& bytes) {
  if (!bytes) return std::nullopt;
  return Blob{*bytes};
}

class Connection;
struct PreparedStatement;

/// A prepared statement, lent by its connection's cache. Columns count from 0. The whole result is fetched with the
/// first Step, so several statements may be stepped in turn, and large reads need a LIMIT.
class Statement {
 public:
  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds the `?` in order, for a new run.
  template <typename... Args>
  Statement& Bind(const Args&... args) {
    Reset();
    (BindOne(args), ...);
    return *this;
  }

  bool Step();  // true: a row is there
  void Run();   // to the end

  bool IsNull(int column) const;
  std::int64_t Int(int column) const;       // 0 for NULL
  std::string_view View(int column) const;  // until the next Step; empty for NULL
  std::string Text(int column) const { return std::string(View(column)); }
  core::Timestamp Time(int column) const;  // from milliseconds
  std::optional<std::string> OptionalText(int column) const;
  std::optional<core::Timestamp> OptionalTime(int column) const;

 private:
  void Reset();
  void Execute();
  void BindNull();
  void BindInt(std::int64_t value);
  void BindOne(std::string_view text);
  void BindOne(Blob blob);
  void BindOne(std::nullopt_t) { BindNull(); }
  void BindOne(core::Timestamp time) { BindInt(time.time_since_epoch().count()); }
  void BindOne(const std::string& text) { BindOne(std::string_view(text)); }
  void BindOne(const char* text) { BindOne(std::string_view(text)); }
  template <std::integral T>
  void BindOne(T value) {
    BindInt(static_cast<std::int64_t>(value));
  }
  template <typename T>
  void BindOne(const std::optional<T>& value) {
    value ? BindOne(*value) : BindNull();
  }

  Connection& connection_;
  std::unique_ptr<PreparedStatement> prepared_;  // goes back to the cache
};

/// One connection, used by one thread at a time. Methods throw Failure unless said otherwise.
class Connection {
 public:
  enum class Purpose { kCalls, kMigration };  // a migration may take hours, a call a few seconds

  static std::unique_ptr<Connection> Open(const MysqlOptions& options, Purpose purpose);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One or more statements without parameters; results are dropped.
  void Execute(std::string_view script);
  bool TryExecute(std::string_view script);  // false on failure, never throws

  /// Runs one statement to its end; how many rows it changed: those matched by an UPDATE, also where nothing differs.
  template <typename... Args>
  std::int64_t Run(std::string_view sql, const Args&... args) {
    Statement(*this, sql).Bind(args...).Run();
    return changes();
  }

  /// The first column of the first row; nothing when there is no row or it is NULL.
  template <typename... Args>
  std::optional<std::int64_t> Int(std::string_view sql, const Args&... args) {
    Statement statement(*this, sql);
    if (!statement.Bind(args...).Step() || statement.IsNull(0)) return std::nullopt;
    return statement.Int(0);
  }

  std::int64_t changes() const { return changes_; }
  std::int64_t last_insert_id() const { return last_insert_id_; }  // the first one of several rows
  /// The id of the row at `index` of an INSERT … VALUES.
  std::int64_t inserted_id(std::size_t index) const {
    return last_insert_id_ + static_cast<std::int64_t>(index) * id_step_;
  }

  bool is_mariadb() const { return is_mariadb_; }
  std::size_t max_packet() const { return max_packet_; }  // bytes the server takes in one statement
  std::uint64_t id() const;                               // as KILL names it
  int socket() const;

 private:
  friend class Statement;
  friend class RowInsert;
  friend class Rows;

  explicit Connection(std::string server);
  void Login(const MysqlOptions& options, Purpose purpose);
  void SetUpSession(Purpose purpose);
  std::unique_ptr<PreparedStatement> TakeIdle(std::string_view sql);
  void GiveBack(std::unique_ptr<PreparedStatement> statement);
  [[noreturn]] void Throw() const;
  [[noreturn]] void Throw(unsigned number, const char* text) const;

  const std::string server_;  // host:port, for messages
  st_mysql* handle_;
  std::list<std::unique_ptr<PreparedStatement>> idle_;  // least recently used first
  std::int64_t changes_ = 0, last_insert_id_ = 0, id_step_ = 1;
  bool is_mariadb_ = false;
  std::size_t max_packet_ = 0;
};

/// Many rows in few statements, each as large as the server likes: one round trip for some hundred rows.
///   RowInsert insert(connection, "INSERT INTO t(a, b) VALUES");
///   for (…) insert.Add(a, b);
///   insert.Flush();
class RowInsert {
 public:
  RowInsert(Connection& connection, std::string_view head, std::string_view tail = {})
      : connection_(connection), head_(head), tail_(tail) {}

  /// Every row needs the same number of values. May send what is waiting.
  template <typename... Args>
  void Add(const Args&... args) {
    BeginRow();
    (Append(args), ...);
    EndRow();
  }

  /// The same value by value.
  void BeginRow();
  void Append(std::string_view text) { AppendQuoted("'", text); }
  void Append(Blob blob) { AppendQuoted("_binary'", blob.bytes); }
  void Append(std::nullopt_t) { AppendNull(); }
  void Append(core::Timestamp time) { AppendInt(time.time_since_epoch().count()); }
  void Append(const std::string& text) { Append(std::string_view(text)); }
  void Append(const char* text) { Append(std::string_view(text)); }
  template <std::integral T>
  void Append(T value) {
    AppendInt(static_cast<std::int64_t>(value));
  }
  template <typename T>
  void Append(const std::optional<T>& value) {
    value ? Append(*value) : AppendNull();
  }
  void EndRow();

  /// Sends what is waiting, if anything. What is not flushed is dropped.
  void Flush();

 private:
  void Comma();
  void AppendNull();
  void AppendInt(std::int64_t value);
  void AppendQuoted(std::string_view prefix, std::string_view bytes);

  Connection& connection_;
  const std::string head_, tail_;
  std::string sql_;      // waiting rows
  std::size_t row_ = 0;  // where the last row begins in sql_
  bool first_value_ = true;
};

}  // namespace millrace::mysql
