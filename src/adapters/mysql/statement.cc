#include <fmt/core.h>
#include <mysql.h>

#include <charconv>
#include <utility>

#include "adapters/mysql/connection.h"
#include "adapters/mysql/prepared_statement.h"

namespace millrace::mysql {
namespace {

bool IsInteger(enum_field_types type) {
  switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL: return true;  // sums of integers are decimals
    default: return false;
  }
}

/// Where the answers of a statement go. Texts are fetched when their length is known.
void BindColumns(PreparedStatement& statement) {
  MYSQL_RES* const metadata = mysql_stmt_result_metadata(statement.handle);
  if (metadata == nullptr) return;
  const unsigned count = mysql_num_fields(metadata);
  const MYSQL_FIELD* const fields = mysql_fetch_fields(metadata);
  statement.columns.resize(count);
  statement.column_binds.assign(count, MYSQL_BIND{});
  for (unsigned i = 0; i < count; ++i) {
    PreparedStatement::Column& column = statement.columns[i];
    MYSQL_BIND& bind = statement.column_binds[i];
    column.is_integer = IsInteger(fields[i].type);
    bind.buffer_type = column.is_integer ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_STRING;
    bind.buffer = column.is_integer ? &column.integer : nullptr;
    bind.is_null = &column.is_null;
    bind.length = &column.length;
  }
  mysql_free_result(metadata);
}

}  // namespace

Statement::Statement(Connection& connection, std::string_view sql) : connection_(connection) {
  prepared_ = connection.TakeIdle(sql);
  if (prepared_) return;
  MYSQL_STMT* const handle = mysql_stmt_init(connection.handle_);
  if (handle == nullptr) connection.Throw();
  auto prepared = std::make_unique<PreparedStatement>(sql, handle);
  if (mysql_stmt_prepare(handle, sql.data(), sql.size()) != 0) {
    connection.Throw(mysql_stmt_errno(handle), mysql_stmt_error(handle));
  }
  BindColumns(*prepared);
  prepared_ = std::move(prepared);
}

Statement::~Statement() {
  Reset();
  connection_.GiveBack(std::move(prepared_));
}

void Statement::Reset() {
  if (prepared_->executed) mysql_stmt_free_result(prepared_->handle);
  prepared_->executed = false;
  prepared_->bound = 0;
}

void Statement::Execute() {
  PreparedStatement& prepared = *prepared_;
  const std::size_t wanted = mysql_stmt_param_count(prepared.handle);
  if (prepared.bound != wanted) {
    throw Failure({base::Code::kInternal,
                   fmt::format("{} values for {} places of: {}", prepared.bound, wanted, prepared.sql),
                   {}});
  }
  std::vector<MYSQL_BIND> binds(wanted, MYSQL_BIND{});
  std::size_t size = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    PreparedStatement::Parameter& parameter = prepared.parameters[i];
    binds[i].buffer_type = parameter.type;
    if (parameter.type == MYSQL_TYPE_LONGLONG) {
      binds[i].buffer = &parameter.integer;
    } else if (parameter.type != MYSQL_TYPE_NULL) {
      const std::string_view bytes = parameter.type == MYSQL_TYPE_STRING ? parameter.text : parameter.bytes;
      binds[i].buffer = const_cast<char*>(bytes.data());  // only read
      binds[i].buffer_length = bytes.size();
      size += bytes.size();
    }
  }
  if (size + 16 * wanted + 1024 > connection_.max_packet_ && connection_.max_packet_ > 0) {  // else it hangs up
    throw Failure({base::Code::kTooLarge,
                   fmt::format("{} bytes are beyond max_allowed_packet of MySQL at {} ({})", size, connection_.server_,
                               connection_.max_packet_),
                   {}});
  }
  const auto check = [&](bool failed) {
    if (failed) connection_.Throw(mysql_stmt_errno(prepared.handle), mysql_stmt_error(prepared.handle));
  };
  check(wanted > 0 && mysql_stmt_bind_param(prepared.handle, binds.data()) != 0);
  check(mysql_stmt_execute(prepared.handle) != 0);
  prepared.executed = true;
  if (prepared.columns.empty()) {
    connection_.changes_ = static_cast<std::int64_t>(mysql_stmt_affected_rows(prepared.handle));
    connection_.last_insert_id_ = static_cast<std::int64_t>(mysql_stmt_insert_id(prepared.handle));
    return;
  }
  check(mysql_stmt_bind_result(prepared.handle, prepared.column_binds.data()) != 0);
  check(mysql_stmt_store_result(prepared.handle) != 0);
}

bool Statement::Step() {
  if (!prepared_->executed) Execute();
  PreparedStatement& prepared = *prepared_;
  if (prepared.columns.empty()) return false;
  const int code = mysql_stmt_fetch(prepared.handle);
  if (code == MYSQL_NO_DATA) return false;
  if (code != 0 && code != MYSQL_DATA_TRUNCATED) {
    connection_.Throw(mysql_stmt_errno(prepared.handle), mysql_stmt_error(prepared.handle));
  }
  for (unsigned i = 0; i < prepared.columns.size(); ++i) {
    PreparedStatement::Column& column = prepared.columns[i];
    if (column.is_integer) continue;
    column.text.resize(column.is_null ? 0 : column.length);
    if (column.text.empty()) continue;
    MYSQL_BIND whole{};
    whole.buffer_type = MYSQL_TYPE_STRING;
    whole.buffer = column.text.data();
    whole.buffer_length = column.text.size();
    if (mysql_stmt_fetch_column(prepared.handle, &whole, i, 0) != 0) {
      connection_.Throw(mysql_stmt_errno(prepared.handle), mysql_stmt_error(prepared.handle));
    }
  }
  return true;
}

void Statement::Run() {
  while (Step()) {
  }
}

void Statement::BindNull() {
  BindInt(0);
  prepared_->parameters[prepared_->bound - 1].type = MYSQL_TYPE_NULL;
}

void Statement::BindInt(std::int64_t value) {
  if (prepared_->bound == prepared_->parameters.size()) prepared_->parameters.emplace_back();
  PreparedStatement::Parameter& parameter = prepared_->parameters[prepared_->bound++];
  parameter.type = MYSQL_TYPE_LONGLONG;
  parameter.integer = value;
}

void Statement::BindOne(std::string_view text) {
  BindInt(0);
  PreparedStatement::Parameter& parameter = prepared_->parameters[prepared_->bound - 1];
  parameter.type = MYSQL_TYPE_STRING;
  parameter.text = text;
  parameter.bytes = {};
}

void Statement::BindOne(Blob blob) {
  BindInt(0);
  PreparedStatement::Parameter& parameter = prepared_->parameters[prepared_->bound - 1];
  parameter.type = MYSQL_TYPE_BLOB;
  parameter.bytes = blob.bytes.data() == nullptr ? std::string_view("") : blob.bytes;
}

bool Statement::IsNull(int column) const {
  return prepared_->columns.at(static_cast<std::size_t>(column)).is_null != 0;
}

std::int64_t Statement::Int(int column) const {
  const PreparedStatement::Column& value = prepared_->columns.at(static_cast<std::size_t>(column));
  if (value.is_null) return 0;
  if (value.is_integer) return value.integer;
  std::int64_t number = 0;
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  return number;
}

std::string_view Statement::View(int column) const {
  PreparedStatement::Column& value = prepared_->columns.at(static_cast<std::size_t>(column));
  if (value.is_null) return {};
  if (value.is_integer) value.text = fmt::format("{}", value.integer);
  return value.text;
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

}  // namespace millrace::mysql
