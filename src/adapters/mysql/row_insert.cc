#include <fmt/core.h>
#include <mysql.h>

#include <algorithm>
#include <charconv>

#include "adapters/mysql/connection.h"

namespace millrace::mysql {
namespace {

constexpr std::size_t kMaxStatementBytes = 4 << 20;

}  // namespace

void RowInsert::Flush() {
  if (sql_.empty()) return;
  sql_ += tail_;
  const std::string sql = std::move(sql_);
  sql_.clear();
  connection_.Execute(sql);
}

void RowInsert::BeginRow() {
  if (sql_.empty()) sql_ = head_;
  row_ = sql_.size();
  sql_ += row_ == head_.size() ? "(" : ",(";
  first_value_ = true;
}

/// Sends the rows before this one when it would make the statement too long.
void RowInsert::EndRow() {
  sql_ += ")";
  const std::size_t limit = std::min(kMaxStatementBytes, connection_.max_packet_ / 2);
  if (sql_.size() <= limit || row_ == head_.size()) return;
  const std::string row = sql_.substr(row_ + 1);
  sql_.resize(row_);
  Flush();
  sql_ = head_ + row;
}

void RowInsert::Comma() {
  if (!first_value_) sql_ += ',';
  first_value_ = false;
}

void RowInsert::AppendNull() {
  Comma();
  sql_ += "NULL";
}

void RowInsert::AppendInt(std::int64_t value) {
  Comma();
  char digits[24];
  sql_.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
}

void RowInsert::AppendQuoted(std::string_view prefix, std::string_view bytes) {
  Comma();
  sql_ += prefix;
  const std::size_t start = sql_.size();
  sql_.resize(start + 2 * bytes.size() + 1);
  const unsigned long written =
      mysql_real_escape_string(connection_.handle_, sql_.data() + start, bytes.data(), bytes.size());
  sql_.resize(start + written);
  sql_ += '\'';
}

}  // namespace millrace::mysql
