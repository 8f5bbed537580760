#include "adapters/sqlite/connection.h"

#include <fmt/core.h>
#include <sqlite3.h>

namespace millrace::sqlite {
namespace {

base::Error MakeError(int code, const char* detail) {
  switch (code & 0xff) {
    case SQLITE_FULL: return {base::Code::kUnavailable, "the disk is full, or the database has reached its bound", {}};
    case SQLITE_IOERR: return {base::Code::kUnavailable, fmt::format("the disk refused: {} ({})", detail, code), {}};
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {base::Code::kUnavailable, fmt::format("the database is not usable: {}", detail), {}};
    case SQLITE_CORRUPT: return {base::Code::kCorrupt, fmt::format("the database is damaged: {}", detail), {}};
    case SQLITE_NOTADB: return {base::Code::kCorrupt, "the file is not a SQLite database", {}};
    case SQLITE_NOMEM: return {base::Code::kOverloaded, "out of memory in the database", {}};
    case SQLITE_TOOBIG: return {base::Code::kTooLarge, "a value is beyond what a row can hold", {}};
    default: return {base::Code::kInternal, fmt::format("the database said: {} ({})", detail, code), {}};
  }
}

}  // namespace

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  auto& cache = connection.idle_statements_;
  auto entry = cache.find(sql);
  if (entry == cache.end()) entry = cache.try_emplace(std::string(sql)).first;
  idle_ = &entry->second;
  if (!idle_->empty()) {
    statement_ = idle_->back();
    idle_->pop_back();
    return;
  }
  const int code = sqlite3_prepare_v3(connection.handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) connection.Throw(code);
}

Statement::~Statement() {
  sqlite3_reset(statement_);  // repeats the error of the last Step, which was thrown
  sqlite3_clear_bindings(statement_);
  idle_->push_back(statement_);
}

bool Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.Throw(code);
  return false;
}

void Statement::Run() {
  while (Step()) {
  }
}

void Statement::Reset() { sqlite3_reset(statement_); }

void Statement::BindNull(int index) { sqlite3_bind_null(statement_, index); }

void Statement::BindInt(int index, std::int64_t value) { sqlite3_bind_int64(statement_, index, value); }

void Statement::BindOne(int index, std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  const int code = sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) connection_.Throw(code);
}

void Statement::BindOne(int index, Blob blob) {
  const char* data = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
  const int code = sqlite3_bind_blob64(statement_, index, data, blob.bytes.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) connection_.Throw(code);
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::View(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

core::Timestamp Statement::Time(int column) const { return core::Timestamp(std::chrono::milliseconds(Int(column))); }

std::optional<std::string> Statement::OptionalText(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Text(column);
}

std::optional<core::Timestamp> Statement::OptionalTime(int column) const {
  if (IsNull(column)) return std::nullopt;
  return Time(column);
}

std::unique_ptr<Connection> Connection::Open(const std::filesystem::path& file, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == Mode::kWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Connection> connection(new Connection(handle));
  if (code != SQLITE_OK) connection->Throw(code);
  sqlite3_busy_timeout(handle, 5000);
  connection->Execute("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF");
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, idle] : idle_statements_) {
    for (sqlite3_stmt* statement : idle) sqlite3_finalize(statement);
  }
  sqlite3_close_v2(handle_);
}

void Connection::Execute(const char* script) {
  const int code = sqlite3_exec(handle_, script, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) Throw(code);
}

bool Connection::TryExecute(const char* script) {
  return sqlite3_exec(handle_, script, nullptr, nullptr, nullptr) == SQLITE_OK;
}

void Connection::CopyFrom(Connection& source, const std::function<void(std::int64_t, std::int64_t)>& progress) {
  constexpr int kPages = 2000;
  source.Execute("BEGIN");
  source.Int("SELECT count(*) FROM sqlite_schema");  // from here on it sees one moment, and the copy never begins anew
  sqlite3_backup* const copy = sqlite3_backup_init(handle_, "main", source.handle_, "main");
  if (copy == nullptr) Throw(sqlite3_errcode(handle_));
  int code = SQLITE_OK;
  while (code == SQLITE_OK) {
    code = sqlite3_backup_step(copy, kPages);
    progress(sqlite3_backup_pagecount(copy) - sqlite3_backup_remaining(copy), sqlite3_backup_pagecount(copy));
  }
  sqlite3_backup_finish(copy);
  if (code != SQLITE_DONE) Throw(code);
  source.Execute("COMMIT");
}

std::int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

std::int64_t Connection::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

void Connection::Throw(int code) const { throw Failure(MakeError(code, sqlite3_errmsg(handle_))); }

}  // namespace millrace::sqlite
