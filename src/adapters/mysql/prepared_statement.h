#pragma once

#include <mysql.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::mysql {

/// A statement prepared on the server, with what it was last given and what it last answered.
struct PreparedStatement {
  struct Parameter {
    enum_field_types type = MYSQL_TYPE_NULL;
    std::int64_t integer = 0;
    std::string text;        // copied, or
    std::string_view bytes;  // the caller's
  };
  struct Column {
    bool is_integer = false;
    std::int64_t integer = 0;
    std::string text;
    my_bool is_null = 0;
    unsigned long length = 0;
  };

  PreparedStatement(std::string_view text, MYSQL_STMT* opened) : sql(text), handle(opened) {}
  ~PreparedStatement() { mysql_stmt_close(handle); }
  PreparedStatement(const PreparedStatement&) = delete;
  PreparedStatement& operator=(const PreparedStatement&) = delete;

  const std::string sql;
  MYSQL_STMT* const handle;
  std::vector<Parameter> parameters;
  std::size_t bound = 0;  // of them, for the next run
  std::vector<Column> columns;
  std::vector<MYSQL_BIND> column_binds;
  bool executed = false;
};

}  // namespace millrace::mysql
