#include "adapters/mysql/rows.h"

#include <mysql.h>

#include <charconv>

namespace millrace::mysql {

Rows::Rows(Connection& connection, std::string_view sql) : result_(nullptr) {
  if (mysql_real_query(connection.handle_, sql.data(), sql.size()) != 0) connection.Throw();
  result_ = mysql_store_result(connection.handle_);
  if (result_ == nullptr) connection.Throw();
}

Rows::~Rows() { mysql_free_result(result_); }

bool Rows::Next() {
  row_ = mysql_fetch_row(result_);
  if (row_ != nullptr) lengths_ = mysql_fetch_lengths(result_);
  return row_ != nullptr;
}

std::string_view Rows::View(int column) const {
  return IsNull(column) ? std::string_view() : std::string_view(row_[column], lengths_[column]);
}

std::int64_t Rows::Int(int column) const {
  const std::string_view text = View(column);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::string> Rows::OptionalText(int column) const {
  return IsNull(column) ? std::nullopt : std::optional(Text(column));
}

std::optional<core::Timestamp> Rows::OptionalTime(int column) const {
  return IsNull(column) ? std::nullopt : std::optional(Time(column));
}

std::string HexLiteral(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string literal = "x'";
  for (const char byte : bytes) {
    literal += kDigits[static_cast<unsigned char>(byte) >> 4];
    literal += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return literal += '\'';
}

}  // namespace millrace::mysql
