#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "core/document.h"

struct sqlite3;
struct sqlite3_stmt;

namespace millrace::sqlite {

/// What SQLite refused to do. Thrown inside this adapter only; Writer and Readers end the transaction and turn it into
/// a Result, so that no SQL call in between can be forgotten.
class Failure : public std::exception {
 public:
  explicit Failure(base::Error error) : error_(std::move(error)) {}
  const char* what() const noexcept override { return error_.message.c_str(); }
  const base::Error& error() const { return error_; }

 private:
  base::Error error_;
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

/// A prepared statement, lent by its connection's cache. Columns count from 0.
class Statement {
 public:
  using Failure = sqlite::Failure;

  Statement(Connection& connection, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// Binds ?1, ?2, … in order, for a new run.
  template <typename... Args>
  Statement& Bind(const Args&... args) {
    Reset();
    int index = 0;
    (BindOne(++index, args), ...);
    return *this;
  }

  bool Step();  // true: a row is there
  void Run();   // to the end

  bool IsNull(int column) const;
  std::int64_t Int(int column) const;
  std::string_view View(int column) const;  // until the next Step
  std::string Text(int column) const { return std::string(View(column)); }
  core::Timestamp Time(int column) const;
  std::optional<std::string> OptionalText(int column) const;
  std::optional<core::Timestamp> OptionalTime(int column) const;

 private:
  void Reset();
  void BindNull(int index);
  void BindInt(int index, std::int64_t value);
  void BindOne(int index, std::string_view text);
  void BindOne(int index, Blob blob);
  void BindOne(int index, std::nullopt_t) { BindNull(index); }
  void BindOne(int index, core::Timestamp time) { BindInt(index, time.time_since_epoch().count()); }
  void BindOne(int index, const std::string& text) { BindOne(index, std::string_view(text)); }
  void BindOne(int index, const char* text) { BindOne(index, std::string_view(text)); }
  template <std::integral T>
  void BindOne(int index, T value) {
    BindInt(index, static_cast<std::int64_t>(value));
  }
  template <typename T>
  void BindOne(int index, const std::optional<T>& value) {
    value ? BindOne(index, *value) : BindNull(index);
  }

  Connection& connection_;
  std::vector<sqlite3_stmt*>* idle_;  // where it goes back to
  sqlite3_stmt* statement_ = nullptr;
};

/// One connection, used by one thread at a time. Methods throw Failure unless said otherwise.
class Connection {
 public:
  enum class Mode { kWrite, kRead };

  static std::unique_ptr<Connection> Open(const std::filesystem::path& file, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Execute(const char* script);
  bool TryExecute(const char* script);  // false on failure, never throws

  /// Runs one statement to its end; how many rows it changed.
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

  /// Overwrites this database with the one that `source` sees now, as of one moment, whoever writes there meanwhile.
  /// `progress`: pages done, of all.
  void CopyFrom(Connection& source, const std::function<void(std::int64_t done, std::int64_t all)>& progress);

  std::int64_t changes() const;
  std::int64_t last_insert_id() const;
  bool in_transaction() const;

 private:
  friend class Statement;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  explicit Connection(sqlite3* handle) : handle_(handle) {}
  [[noreturn]] void Throw(int code) const;

  sqlite3* handle_;
  std::unordered_map<std::string, std::vector<sqlite3_stmt*>, TextHash, std::equal_to<>> idle_statements_;  // by SQL
};

}  // namespace millrace::sqlite
