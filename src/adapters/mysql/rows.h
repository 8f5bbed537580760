#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "adapters/mysql/connection.h"
#include "core/document.h"

struct st_mysql_res;

namespace millrace::mysql {

/// The rows of a query whose text holds its values, such as a list of ids: one round trip, and nothing is prepared that
/// never comes again. The whole result is fetched at once. Columns count from 0.
class Rows {
 public:
  using Failure = mysql::Failure;

  Rows(Connection& connection, std::string_view sql);
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool Next();  // true: a row is there

  bool IsNull(int column) const { return row_[column] == nullptr; }
  std::int64_t Int(int column) const;       // 0 for NULL
  std::string_view View(int column) const;  // until the object goes; empty for NULL
  std::string Text(int column) const { return std::string(View(column)); }
  core::Timestamp Time(int column) const { return core::Timestamp(std::chrono::milliseconds(Int(column))); }
  std::optional<std::string> OptionalText(int column) const;
  std::optional<core::Timestamp> OptionalTime(int column) const;

 private:
  st_mysql_res* result_;
  char** row_ = nullptr;
  unsigned long* lengths_ = nullptr;
};

/// `(1,2,3)`; `(NULL)`, which holds nothing, when there are none
template <typename Range>
std::string ListOf(const Range& numbers) {
  std::string list;
  for (const std::int64_t number : numbers) {
    list += list.empty() ? '(' : ',';
    list += std::to_string(number);
  }
  return list.empty() ? "(NULL)" : list + ')';
}

/// Calls `body` with pieces that keep a statement short. (Longer lists of ids would make a server think of other plans
/// than ranges of the index, in another order of locks.)
template <typename T, typename Body>
void InPieces(std::span<const T> all, Body body) {
  constexpr std::size_t kPiece = 500;
  for (; !all.empty(); all = all.subspan(std::min(kPiece, all.size()))) body(all.first(std::min(kPiece, all.size())));
}

/// `x'6b6579'`: bytes as they are, whatever they are.
std::string HexLiteral(std::string_view bytes);

}  // namespace millrace::mysql
